import { textFrame } from "./frames.ts";

/** The protocol of a server. */
export interface Dialect {
  readonly path: string;
  readonly subprotocol: string | undefined;
  /** Sent once the socket is open; `after` is the id that a returning client has seen last. */
  opening(room: string, after: string | undefined): Buffer | undefined;
  /** What becomes of a frame that carries no mark. */
  answer(frame: string): "ready" | "acked" | "refused" | Buffer | undefined;
  /** Whether an open socket is ready without a frame. */
  readonly readyAtOnce: boolean;
  message(room: string, text: string, key: string): Buffer;
  /** The id in an answer that is `acked`. */
  ackedId(frame: string): string | undefined;
}

const V1: Dialect = {
  path: "/ws",
  subprotocol: "dynochat.v1",
  readyAtOnce: false,
  opening(room, after) {
    const join = after === undefined ? { limit: 0 } : { after, limit: 50 };
    const frames = [
      { type: "hello", ref: 1 },
      { type: "join", ref: 2, room, ...join },
    ];
    return Buffer.concat(frames.map((frame) => textFrame(JSON.stringify(frame))));
  },
  answer(frame) {
    if (frame.startsWith('{"type":"ack"')) return "acked";
    if (frame.startsWith('{"type":"joined"')) return "ready";
    return frame.startsWith('{"type":"error"') ? "refused" : undefined;
  },
  message: (room, text, key) => textFrame(JSON.stringify({ type: "message", ref: 3, room, key, text })),
  ackedId: (frame) => /"id":"([^"]+)"/.exec(frame)?.[1],
};

const TUTORIAL: Dialect = {
  path: "/ws",
  subprotocol: undefined,
  readyAtOnce: true,
  opening: () => undefined,
  answer: () => undefined,
  message: (_room, text) => textFrame(JSON.stringify({ handle: "someone", text })),
  ackedId: () => undefined,
};

/**
 * Engine.IO 4 and Socket.IO 5, WebSocket transport at once: `0` open, `40` connect, `42` event, `2` ping, `3`
 * pong.
 */
const SOCKET_IO: Dialect = {
  path: "/socket.io/?EIO=4&transport=websocket",
  subprotocol: undefined,
  readyAtOnce: false,
  opening: () => undefined,
  answer(frame) {
    if (frame.startsWith("0{")) return textFrame("40");
    if (frame.startsWith("40")) return "ready";
    return frame === "2" ? textFrame("3") : undefined;
  },
  message: (_room, text) => textFrame(`42${JSON.stringify(["message", { handle: "someone", text }])}`),
  ackedId: () => undefined,
};

export const DIALECTS = { v1: V1, tutorial: TUTORIAL, "socket.io": SOCKET_IO } as const;
export type DialectName = keyof typeof DIALECTS;
