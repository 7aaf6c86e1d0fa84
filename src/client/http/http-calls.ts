export type Fields = Readonly<Record<string, unknown>>;
export type Fetch = typeof fetch;

/** The server's answer; `body` is its JSON. */
export interface Reply {
  readonly ok: boolean;
  readonly status: number;
  readonly body: Fields;
}

/** An open stream, or the answer that came in its place. */
export type OpenedStream =
  | { readonly ok: true; readonly value: ReadableStream<Uint8Array> }
  | { readonly ok: false; readonly error: Reply };

/** Replaces the body of an answer that is not the chat's, such as a proxy's. */
const NOT_OURS: Fields = { code: "unavailable", message: "The server cannot be reached.", retryable: true };

/** The chat's HTTP interface at a socket's address. */
export class HttpCalls {
  readonly #root: URL;
  readonly #fetch: Fetch;

  /** @param url URL of the socket: `wss://example.org/ws`. */
  constructor(url: string, fetch: Fetch) {
    this.#root = new URL("../", url.replace(/^ws/, "http"));
    // A browser's `fetch` must not be called as a method of another object.
    this.#fetch = (input, init) => fetch(input, init);
  }

  /** Returns whether a server can be reached that is ready to serve. */
  async isReady(signal: AbortSignal): Promise<boolean> {
    const answer = await this.#fetch(this.#at("readyz"), { signal });
    return answer.ok;
  }

  /** Sends a GET request. Rejects if the server cannot be reached. */
  async get(path: string, signal: AbortSignal): Promise<Reply> {
    return replyOf(await this.#fetch(this.#at(`api/${path}`), { signal }));
  }

  /** Sends a POST request; `key` is its idempotency key. Rejects if the server cannot be reached. */
  async post(path: string, body: Fields, signal: AbortSignal, key?: string): Promise<Reply> {
    const headers = {
      "Content-Type": "application/json",
      ...(key === undefined ? {} : { "Idempotency-Key": key }),
    };
    const request = { method: "POST", headers, body: JSON.stringify(body), signal };
    return replyOf(await this.#fetch(this.#at(`api/${path}`), request));
  }

  /** Opens the stream of some rooms, each with its cursor after an `@`. */
  async events(rooms: readonly string[], signal: AbortSignal): Promise<OpenedStream> {
    const query = rooms.map((room) => `room=${room}`).join("&");
    const answer = await this.#fetch(this.#at(`api/events?${query}`), { signal });
    return answer.ok && answer.body !== null
      ? { ok: true, value: answer.body }
      : { ok: false, error: await replyOf(answer) };
  }

  #at(path: string): string {
    return new URL(path, this.#root).href;
  }
}

async function replyOf(answer: Response): Promise<Reply> {
  const { ok, status } = answer;
  const body: unknown = await answer.json().catch(() => undefined);
  return isFields(body) ? { ok, status, body } : { ok: false, status, body: NOT_OURS };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
