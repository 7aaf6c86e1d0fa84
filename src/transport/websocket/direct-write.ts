import { writeSync } from "node:fs";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** A socket without TLS; `_handle` is its handle of the kernel's socket, and null once that is closed. */
type PlainSocket = Duplex & { readonly _handle: unknown };

/** No descriptor; on platforms without descriptors the number is negative, too. */
const NONE = -1;

/**
 * Writes bytes to the kernel without the socket's stream, whose bookkeeping costs time per client of a
 * fan-out (docs/performance.md).
 */
export class DirectWrite {
  /** Undefined if the socket cannot be written to directly. */
  readonly #wire: PlainSocket | undefined;
  /**
   * The handle that the descriptor belongs to: once it is closed, another socket may have the same number.
   */
  #handle: unknown;
  #descriptor = NONE;

  constructor(wire: Duplex) {
    this.#wire = isPlainSocket(wire) ? wire : undefined;
  }

  /**
   * Writes bytes and returns how many the kernel took: 0 if the stream has bytes that come first, if TLS has
   * to encrypt, or if the kernel took none. The stream must write the rest, and reports errors, which it
   * meets as well.
   */
  write(bytes: Buffer): number {
    const wire = this.#wire;
    if (wire === undefined || wire.writableLength > 0 || wire.writableCorked > 0) return 0;
    // Not read each time: for every client of a fan-out the handle is one more object that is in no CPU
    // cache.
    if (wire._handle !== this.#handle) {
      this.#handle = wire._handle;
      this.#descriptor = descriptorOf(this.#handle);
    }
    if (this.#descriptor < 0) return 0;
    try {
      // All four arguments: a default would be computed at each call.
      return writeSync(this.#descriptor, bytes, 0, bytes.length);
    } catch {
      return 0;
    }
  }
}

function isPlainSocket(wire: Duplex): wire is PlainSocket {
  // A TLS socket has a descriptor, too, for bytes that are already encrypted.
  return Object.getPrototypeOf(wire) === Socket.prototype && "_handle" in wire;
}

function descriptorOf(handle: unknown): number {
  if (typeof handle !== "object" || handle === null || !("fd" in handle)) return NONE;
  return typeof handle.fd === "number" ? handle.fd : NONE;
}
