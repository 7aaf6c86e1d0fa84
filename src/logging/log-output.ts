import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";

/** Writes do not block, and a terminal does not become the controlling one of this process. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Writes to standard output or standard error without blocking. `process.stdout` and the default log
 * destinations block the event loop while a pipe is full. A write through the thread pool does not, but
 * prevents the process from exiting.
 */
export class Output {
  readonly #descriptor: number;

  /**
   * Never throws.
   * @param fd 1 or 2.
   */
  constructor(fd: number) {
    this.#descriptor = nonBlocking(fd);
  }

  /**
   * Writes bytes. Returns how many were accepted; 0 if the reader is slow or gone, or the disk is full. Never
   * throws.
   */
  write(bytes: Buffer): number {
    try {
      return writeSync(this.#descriptor, bytes, 0, bytes.length);
    } catch {
      return 0;
    }
  }
}

/** Handles of descriptors that could not be opened again; at most two. */
const handles: Socket[] = [];

function nonBlocking(fd: number): number {
  try {
    const kind = fstatSync(fd);
    // A write to a regular file never waits for a reader.
    if (!kind.isFIFO() && !kind.isCharacterDevice() && !kind.isSocket()) return fd;
    const own = openedAgain(fd);
    if (own !== undefined) return own;
    // The socket only sets the descriptor to non-blocking. That affects other processes that write to it, so
    // it is the second choice. A terminal is no socket, and stays as it is.
    if (!kind.isCharacterDevice()) handles.push(new Socket({ fd, readable: false, writable: true }));
  } catch {}
  return fd;
}

/**
 * Opens the same pipe or terminal with flags of its own, if the system allows it: on Linux, but not for
 * sockets. Returns the new descriptor, or undefined.
 */
function openedAgain(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, OPEN_FLAGS);
  } catch {
    return undefined;
  }
}
