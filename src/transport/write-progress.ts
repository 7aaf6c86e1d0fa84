import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * Returns a number that changes whenever the kernel takes some of what waits in a socket, and not by a write;
 * for a duplex stream that is no socket it changes by a write, too.
 */
export function progressOf(wire: Duplex | null): number {
  const sent = wire instanceof Socket ? wire.bytesWritten : 0;
  const handle: unknown = wire !== null && "_handle" in wire ? wire._handle : null;
  // A stream's length counts a large write until all of it is taken; only its handle knows how much is left.
  return sent - (wire?.writableLength ?? 0) - queued(handle);
}

function queued(handle: unknown): number {
  if (typeof handle !== "object" || handle === null || !("writeQueueSize" in handle)) return 0;
  return typeof handle.writeQueueSize === "number" ? handle.writeQueueSize : 0;
}
