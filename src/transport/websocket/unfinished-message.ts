import type { WebSocket } from "ws";

/** The private state in which `ws` keeps the frames that it reads. */
interface Receiver {
  /** 0 between two frames. */
  readonly _state: unknown;
  /** Bytes of incomplete frames. */
  readonly _bufferedBytes: unknown;
  /** The opcode of a message with missing fragments; 0 = none. */
  readonly _fragmented: unknown;
}

/** Tells whether a socket has received only a part of a message. */
export class UnfinishedMessage {
  readonly #receiver: Receiver | undefined;

  constructor(socket: WebSocket) {
    const receiver: unknown = Reflect.get(socket, "_receiver");
    this.#receiver = isReceiver(receiver) ? receiver : undefined;
  }

  /** Whether only a part of a message or of a control frame was received. */
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
