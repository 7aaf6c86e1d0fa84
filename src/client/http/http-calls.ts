export type Fields = Readonly<Record<string, unknown>>;
export type Fetch = typeof fetch;

/** What the server answered; `body` is its JSON. */
export interface Reply {
  readonly ok: boolean;
  readonly status: number;
  readonly body: Fields;
}

/** A stream, or the answer that came in its place. */
export type OpenedStream =
  | { readonly ok: true; readonly value: ReadableStream<Uint8Array> }
  | { readonly ok: false; readonly error: Reply };

/** What is said of an answer that is not the chat's: something on the way gave it. */
const NOT_OURS: Fields = { code: "unavailable", message: "The server cannot be reached.", retryable: true };

/** The chat's HTTP interface beside a socket's address. */
export class HttpCalls {
  readonly #root: URL;
  readonly #fetch: Fetch;

  /** @param url the socket's: `wss://example.org/ws`. */
  constructor(url: string, fetch: Fetch) {
    this.#root = new URL("../", url.replace(/^ws/, "http"));
    // A browser's own is no method of anything else.
    this.#fetch = (input, init) => fetch(input, init);
  }

  /** Whether a server can be reached that could serve now. */
  async isReady(signal: AbortSignal): Promise<boolean> {
    const answer = await this.#fetch(this.#at("readyz"), { signal });
    return answer.ok;
  }

  /** Rejects where the server cannot be reached. */
  async get(path: string, signal: AbortSignal): Promise<Reply> {
    return replyOf(await this.#fetch(this.#at(`api/${path}`), { signal }));
  }

  /** Rejects where the server cannot be reached. */
  async post(path: string, body: Fields, signal: AbortSignal, key?: string): Promise<Reply> {
    const headers = {
      "Content-Type": "application/json",
      ...(key === undefined ? {} : { "Idempotency-Key": key }),
    };
    const request = { method: "POST", headers, body: JSON.stringify(body), signal };
    return replyOf(await this.#fetch(this.#at(`api/${path}`), request));
  }

  /** Opens the stream of some rooms, each with what stands after `@` for a cursor. */
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
