import { writeSync } from "node:fs";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** A socket that encrypts nothing; `_handle` is its hold on the kernel's, and null from the moment it lets go of that. */
type PlainSocket = Duplex & { readonly _handle: unknown };

/** No descriptor: where the platform has none, its number is negative too. */
const NONE = -1;

/** A way for bytes to the kernel past the socket's stream, whose bookkeeping each client of a fan-out pays for (docs/performance.md). */
export class DirectWrite {
  /** Undefined where there is no such way. */
  readonly #wire: PlainSocket | undefined;
  /** Whose descriptor it is: once that is let go of, the number may be another socket's. */
  #handle: unknown;
  #descriptor = NONE;

  constructor(wire: Duplex) {
    this.#wire = isPlainSocket(wire) ? wire : undefined;
  }

  /**
   * Returns how many bytes the kernel took. 0 where the stream holds something that comes first, where TLS has to encrypt, or
   * where the kernel took none. The rest is the stream's to write, and errors its to report: it meets one too.
   */
  write(bytes: Buffer): number {
    const wire = this.#wire;
    if (wire === undefined || wire.writableLength > 0 || wire.writableCorked > 0) return 0;
    // Not asked each time: for every client of a fan-out the handle is one more object that no cache holds.
    if (wire._handle !== this.#handle) {
      this.#handle = wire._handle;
      this.#descriptor = descriptorOf(this.#handle);
    }
    if (this.#descriptor < 0) return 0;
    try {
      // All four arguments: what is left out is looked for at each call.
      return writeSync(this.#descriptor, bytes, 0, bytes.length);
    } catch {
      return 0;
    }
  }
}

function isPlainSocket(wire: Duplex): wire is PlainSocket {
  // A TLS socket has a descriptor too, for what is already encrypted.
  return Object.getPrototypeOf(wire) === Socket.prototype && "_handle" in wire;
}

function descriptorOf(handle: unknown): number {
  if (typeof handle !== "object" || handle === null || !("fd" in handle)) return NONE;
  return typeof handle.fd === "number" ? handle.fd : NONE;
}
