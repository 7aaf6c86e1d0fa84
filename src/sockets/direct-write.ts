import { writeSync } from "node:fs";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * Hands bytes to the kernel past the socket's stream, whose bookkeeping each client of a fan-out pays for (docs/performance.md), and
 * returns how many it took. 0 where the stream holds something that comes first, where TLS has to encrypt, or where the
 * kernel took none. The rest is the stream's to write, and errors its to report: it meets one too.
 */
export function writeDirectly(wire: Duplex, bytes: Buffer): number {
  if (wire.writableLength > 0 || wire.writableCorked > 0) return 0;
  const descriptor = descriptorOf(wire);
  if (descriptor === undefined) return 0;
  try {
    return writeSync(descriptor, bytes);
  } catch {
    return 0;
  }
}

/** Asked for each write: once a socket is closed its number may be another one's. */
function descriptorOf(wire: Duplex): number | undefined {
  // A TLS socket has a descriptor too, for what is already encrypted.
  if (Object.getPrototypeOf(wire) !== Socket.prototype || !("_handle" in wire)) return undefined;
  const { _handle: handle } = wire;
  if (typeof handle !== "object" || handle === null || !("fd" in handle)) return undefined;
  // Negative where the platform has none.
  return typeof handle.fd === "number" && handle.fd >= 0 ? handle.fd : undefined;
}
