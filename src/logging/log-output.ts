import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";

/** Neither waits for the reader, nor makes a terminal the controlling one of this process. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Standard output or standard error, written without waiting for the reader. `process.stdout` and the default log destinations
 * stop the event loop while a pipe is full. A write through the thread pool does not, but it keeps the process from exiting.
 */
export class Output {
  readonly #descriptor: number;

  /** @param fd 1 or 2; never throws. */
  constructor(fd: number) {
    this.#descriptor = nonBlocking(fd);
  }

  /** Returns how many bytes were taken; 0 where the reader is slow or gone, or the disk is full. Never throws. */
  write(bytes: Buffer): number {
    try {
      return writeSync(this.#descriptor, bytes, 0, bytes.length);
    } catch {
      return 0;
    }
  }
}

/** Keeps the handles of descriptors that could not be opened again; at most two. */
const handles: Socket[] = [];

function nonBlocking(fd: number): number {
  try {
    const kind = fstatSync(fd);
    // A regular file never waits for a reader.
    if (!kind.isFIFO() && !kind.isCharacterDevice() && !kind.isSocket()) return fd;
    const own = openedAgain(fd);
    if (own !== undefined) return own;
    // Sets the descriptor to non-blocking and is not used otherwise. Other processes that write to it are affected too, which is why
    // it is the second choice. A terminal is no socket: it stays as it is.
    if (!kind.isCharacterDevice()) handles.push(new Socket({ fd, readable: false, writable: true }));
  } catch {}
  return fd;
}

/** The same pipe or terminal with flags of its own, where the system allows it: Linux, and not for sockets. */
function openedAgain(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, OPEN_FLAGS);
  } catch {
    return undefined;
  }
}
