import { type ClientOptions, type RawData, WebSocket } from "ws";
import { afterwards } from "../vitest/cleanup.ts";
import { deferred, within } from "../vitest/wait-for.ts";

export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

/** A socket that keeps every frame it was sent, in order. Ends with its test. */
export class RecordedSocket<Frame> {
  readonly frames: Frame[] = [];
  /** Answers to the opening handshake, for its headers. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Fulfils when the connection has ended, from either side. */
  readonly closed: Promise<CloseInfo>;
  readonly socket: WebSocket;
  readonly #watchers = new Set<(frame: Frame) => void>();

  /** Use `openSocket`. */
  constructor(socket: WebSocket, headers: RecordedSocket<Frame>["headers"], read: (text: string) => Frame) {
    this.socket = socket;
    this.headers = headers;
    socket.on("message", (data: RawData, isBinary: boolean) => {
      if (isBinary) throw new Error("the server sent a binary frame");
      const frame = read(data.toString());
      this.frames.push(frame);
      for (const watcher of this.#watchers) watcher(frame);
    });
    // A killed server resets its connections; `closed` tells.
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** Sends text as it is, or anything else as JSON. */
  send(frame: unknown): void {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** The first frame that fits, from those that came already or later. */
  async waitFor(predicate: (frame: Frame) => boolean, what = "a frame"): Promise<Frame> {
    return this.#next(predicate, what, 0);
  }

  /** The first frame that fits among those that come from now on. */
  async waitForNext(predicate: (frame: Frame) => boolean, what = "a frame"): Promise<Frame> {
    return this.#next(predicate, what, this.frames.length);
  }

  async #next(predicate: (frame: Frame) => boolean, what: string, from: number): Promise<Frame> {
    const already = this.frames.slice(from).find(predicate);
    if (already !== undefined) return already;
    const awaited = deferred<Frame>();
    const watcher = (frame: Frame) => {
      if (predicate(frame)) awaited.resolve(frame);
    };
    this.#watchers.add(watcher);
    const gone = this.closed.then((info) => {
      throw new Error(`closed (${JSON.stringify(info)}) while waiting for ${what}`);
    });
    try {
      return await within(Promise.race([awaited.promise, gone]), what);
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  /** Calls `watcher` for every frame from now on. */
  watch(watcher: (frame: Frame) => void): void {
    this.#watchers.add(watcher);
  }

  /** Says goodbye and waits for the end. */
  async close(): Promise<CloseInfo> {
    this.socket.close(1000);
    return within(this.closed, "the socket closes");
  }

  /** Ends the connection without a word, as a cut cable does. */
  terminate(): void {
    this.socket.terminate();
  }
}

/**
 * Opens a socket and fulfils when it is open, with every frame recorded from the first on.
 * Rejects with RefusedUpgrade if the server answers with anything but 101.
 */
export async function openSocket<Frame>(
  url: string,
  protocols: string[],
  options: ClientOptions,
  read: (text: string) => Frame,
): Promise<RecordedSocket<Frame>> {
  const socket = new WebSocket(url, protocols, options);
  afterwards(() => socket.terminate());
  return within(
    new Promise((resolve, reject) => {
      // Frames may come in the same turn as the answer to the handshake, so listeners are there before it is
      // awaited.
      socket.once("upgrade", ({ headers }) => {
        const recorded = new RecordedSocket(socket, headers, read);
        socket.once("open", () => resolve(recorded));
      });
      socket.once("unexpected-response", (_request, response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on("end", () =>
          reject(new RefusedUpgrade(response.statusCode ?? 0, response.headers, body)),
        );
      });
      socket.once("error", reject);
    }),
    `${url} opens`,
  );
}

/** The server's answer to an upgrade that it did not want. */
export class RefusedUpgrade extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;

  constructor(status: number, headers: RefusedUpgrade["headers"], body: string) {
    super(`${status} ${body}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** The answer of a server that must refuse the upgrade. */
export async function refusalOf(opening: Promise<unknown>): Promise<RefusedUpgrade> {
  try {
    await opening;
  } catch (error) {
    if (error instanceof RefusedUpgrade) return error;
    throw error;
  }
  throw new Error("the upgrade was not refused");
}
