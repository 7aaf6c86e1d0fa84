import { randomUUID } from "node:crypto";
import {
  type AckFrame,
  type ClientFrame,
  type ErrorFrame,
  type HistoryFrame,
  type JoinedFrame,
  type MessageFrame,
  type ServerFrame,
  SUBPROTOCOL,
  type WelcomeFrame,
} from "../../../src/protocol/frames.ts";
import { type CloseInfo, openSocket, type RecordedSocket } from "./recorded-socket.ts";

export interface V1Options {
  /** Joined before `connectV1` fulfils. */
  readonly room?: string;
  readonly handle?: string;
  readonly token?: string;
  readonly after?: string;
  readonly limit?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** False: does not answer pings, as a frozen peer. */
  readonly autoPong?: boolean;
}

/** A request as a test writes it: the client adds `ref`. */
type Unnumbered<T> = T extends { readonly ref: number } ? Omit<T, "ref"> : never;
export type Request = Unnumbered<ClientFrame>;
/** What a request may be answered with. */
export type Answer = Extract<ServerFrame, { readonly ref?: number }>;

/** A raw client of dynochat.v1: it recovers nothing, repeats nothing and hides nothing. */
export class V1Client {
  readonly connection: RecordedSocket<ServerFrame>;
  #ref = 0;

  constructor(connection: RecordedSocket<ServerFrame>) {
    this.connection = connection;
  }

  /** Every frame that came, in order. */
  get frames(): readonly ServerFrame[] {
    return this.connection.frames;
  }

  get closed(): Promise<CloseInfo> {
    return this.connection.closed;
  }

  /** Sends a request without waiting; `answer` is the one frame with its ref, an error or not. */
  ask(request: Request): { ref: number; answer: Promise<Answer> } {
    const ref = ++this.#ref;
    const answer = this.connection.waitForNext(
      (frame) => "ref" in frame && frame.ref === ref,
      `the answer to ${request.type} ${ref}`,
    );
    this.connection.send({ ...request, ref });
    return { ref, answer: answer.then(asAnswer) };
  }

  /** Sends a request; fulfils with the one frame that has its ref, an error or not. */
  request(request: Request): Promise<Answer> {
    return this.ask(request).answer;
  }

  async hello(options: { handle?: string; token?: string } = {}): Promise<WelcomeFrame> {
    return expected("welcome", await this.request({ type: "hello", ...options }));
  }

  async join(room: string, options: { after?: string; limit?: number } = {}): Promise<JoinedFrame> {
    return expected("joined", await this.request({ type: "join", room, ...options }));
  }

  /** Sends a message under a key of its own, unless one is given. Rejects if it was refused. */
  async say(room: string, text: string, key: string = randomUUID()): Promise<AckFrame> {
    return expected("ack", await this.request({ type: "message", room, text, key }));
  }

  async history(
    room: string,
    range: { before?: string; after?: string; limit?: number } = {},
  ): Promise<HistoryFrame> {
    return expected("history", await this.request({ type: "history", room, ...range }));
  }

  /** The error that a request is refused with. Rejects if it was not. */
  async refusal(request: Request): Promise<ErrorFrame> {
    return expected("error", await this.request(request));
  }

  /** The room's messages in the order in which they came: each join's, then what followed live. */
  messages(room: string): MessageFrame[] {
    return this.frames.flatMap((frame) => {
      if (frame.type === "message" && frame.room === room) return [frame];
      if (frame.type !== "joined" || frame.room !== room) return [];
      return frame.messages.filter((message) => message.type === "message");
    });
  }

  waitFor(predicate: (frame: ServerFrame) => boolean, what?: string): Promise<ServerFrame> {
    return this.connection.waitFor(predicate, what);
  }

  /** Fulfils when a message with that text has come. */
  async waitForText(text: string): Promise<MessageFrame> {
    return expected(
      "message",
      await this.waitFor((frame) => frame.type === "message" && frame.text === text, `"${text}" arrives`),
    );
  }

  close(): Promise<CloseInfo> {
    return this.connection.close();
  }

  terminate(): void {
    this.connection.terminate();
  }
}

/** Opens a socket at `/ws` and says nothing yet. Rejects with RefusedUpgrade. */
export async function openV1(wsUrl: string, options: V1Options = {}): Promise<V1Client> {
  const socketOptions = { headers: { ...options.headers }, autoPong: options.autoPong ?? true };
  const url = new URL("/ws", wsUrl).href;
  const read = (text: string): ServerFrame => JSON.parse(text);
  return new V1Client(await openSocket(url, [SUBPROTOCOL], socketOptions, read));
}

/** Opens a socket at `/ws`, says hello, and joins where a room is named. */
export async function connectV1(wsUrl: string, options: V1Options = {}): Promise<V1Client> {
  const client = await openV1(wsUrl, options);
  const { room, handle, token, after, limit } = options;
  await client.hello(defined({ handle, token }));
  if (room !== undefined) await client.join(room, defined({ after, limit }));
  return client;
}

/** The frame, known to be of a type. Throws with the frame in the message if it is of another. */
export function expected<T extends ServerFrame["type"]>(
  type: T,
  frame: ServerFrame,
): Extract<ServerFrame, { readonly type: T }> {
  if (!isOf(type, frame)) throw new Error(`expected ${type}, got ${JSON.stringify(frame)}`);
  return frame;
}

function isOf<T extends ServerFrame["type"]>(
  type: T,
  frame: ServerFrame,
): frame is Extract<ServerFrame, { readonly type: T }> {
  return frame.type === type;
}

function asAnswer(frame: ServerFrame): Answer {
  if (!("ref" in frame)) throw new Error(`no answer: ${JSON.stringify(frame)}`);
  return frame;
}

/** Without the members that are undefined: absent and undefined are two things on the wire's types. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {};
  for (const name in fields) {
    const value = fields[name];
    if (isDefined(value)) kept[name] = value;
  }
  return kept;
}

function isDefined<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined;
}
