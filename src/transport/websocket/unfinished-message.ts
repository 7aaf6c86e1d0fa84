import type { WebSocket } from "ws";

/** What `ws` keeps of the frames that it reads; it has no public name. */
interface Receiver {
  /** 0 between two frames. */
  readonly _state: unknown;
  /** Bytes that came and belong to no whole frame yet. */
  readonly _bufferedBytes: unknown;
  /** The opcode of a message of which fragments are missing; 0 = none. */
  readonly _fragmented: unknown;
}

/** Tells whether a socket is in the middle of a message. */
export class UnfinishedMessage {
  readonly #receiver: Receiver | undefined;

  constructor(socket: WebSocket) {
    const receiver: unknown = Reflect.get(socket, "_receiver");
    this.#receiver = isReceiver(receiver) ? receiver : undefined;
  }

  /** Whether bytes of a message or of a control frame were received and the rest was not. */
  get isThere(): boolean {
    const receiver = this.#receiver;
    if (receiver === undefined) return false;
    return receiver._state !== 0 || receiver._bufferedBytes !== 0 || receiver._fragmented !== 0;
  }
}

function isReceiver(value: unknown): value is Receiver {
  if (typeof value !== "object" || value === null) return false;
  return "_state" in value && "_bufferedBytes" in value && "_fragmented" in value;
}
