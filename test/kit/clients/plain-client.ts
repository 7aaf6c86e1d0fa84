import type { ClientOptions } from "ws";
import { openSocket, type RecordedSocket } from "./recorded-socket.ts";

export type PlainFrame = Readonly<Record<string, unknown>>;

export interface PlainOptions {
  /** `/ws` if absent. */
  readonly path?: "/ws" | "/" | "/websocket";
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** False: does not answer pings, as a frozen peer. */
  readonly autoPong?: boolean;
}

/** Opens a socket without a subprotocol, as wscat and the ancestors' pages do. */
export function connectPlain(wsUrl: string, options: PlainOptions = {}): Promise<RecordedSocket<PlainFrame>> {
  const url = new URL(options.path ?? "/ws", wsUrl);
  for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.set(name, value);
  const socketOptions: ClientOptions = {
    headers: { ...options.headers },
    autoPong: options.autoPong ?? true,
  };
  return openSocket<PlainFrame>(url.href, [], socketOptions, (text) => JSON.parse(text));
}

/** The texts of the chat messages among some frames, in order; the server's own sentences are left out. */
export function textsOf(frames: readonly PlainFrame[]): unknown[] {
  return frames
    .filter((frame) => (frame["handle"] ?? frame["username"]) !== "system")
    .map((frame) => frame["text"]);
}
