import { Chat } from "../../../src/chat/chat.ts";
import type { SiteTokens } from "../../../src/chat/identity.ts";
import type { Authorize } from "../../../src/chat/rights/authorizer.ts";
import type { Visitor } from "../../../src/chat/rights/visitor.ts";
import type { ChatOptions } from "../../../src/chat/session/chat-context.ts";
import type { SocketSession } from "../../../src/chat/session/session.ts";
import type { MessageStore } from "../../../src/store/store.ts";
import { RecordingLogger } from "../logger.ts";
import { afterwards } from "../vitest/cleanup.ts";
import { FakeConnection, type Out } from "./fake-connection.ts";
import { FakeStore } from "./fake-store.ts";

const OPTIONS: ChatOptions = {
  maxTextLength: 2000,
  messagesPerSecond: 0,
  messageBurst: 10,
  addressMessagesPerSecond: 0,
  maxRoomsPerConnection: 50,
  maxRoomsPerAddress: 0,
  maxRoomsPerUser: 0,
  maxConnectionsPerUser: 0,
  programFactor: 1,
  requestsPerSecond: 0,
  addressRequestsPerSecond: 0,
  // Every message at once: tests of the window set it.
  batchWindowMs: 0,
  greeting: undefined,
  guests: "write",
  privateRooms: [],
  secret: ["a secret that only this test knows, long enough"],
};

/** A client that has not identified, and may write. */
export const ANYBODY: Visitor = { identity: undefined, base: "write", network: "192.0.2.1" };

/** A chat on a stream that the test controls. */
export function openChat(
  options: Partial<ChatOptions> = {},
  store = new FakeStore(),
  siteTokens?: SiteTokens,
  authorize?: Authorize,
) {
  return openChatOn(store, options, siteTokens, authorize);
}

/** A chat on any log. */
export function openChatOn<L extends MessageStore>(
  log: L,
  options: Partial<ChatOptions> = {},
  siteTokens?: SiteTokens,
  authorize?: Authorize,
) {
  const logger = new RecordingLogger();
  const chat = new Chat(log, { ...OPTIONS, ...options }, logger, { siteTokens, authorize });
  chat.start();
  afterwards(() => chat.close());
  return { chat, log, logger };
}

/** Lets everything happen that is ready: nothing in these tests waits for a wire. */
export async function settle(turns = 6): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((done) => setImmediate(done));
}

/** A v1 client of a chat, down to its frames. */
export class FakeClient {
  readonly connection: FakeConnection;
  readonly session: SocketSession;
  readonly guest: string;
  readonly #chat: Chat;
  #ref = 0;

  constructor(chat: Chat, guest = chat.guests.create(), connection = new FakeConnection()) {
    this.#chat = chat;
    this.connection = connection;
    this.guest = guest;
    this.session = chat.connectV1(this.connection, guest);
  }

  /** A client that has said hello. */
  static async greeted(chat: Chat, handle?: string, guest?: string): Promise<FakeClient> {
    const client = new FakeClient(chat, guest);
    await client.ask({ type: "hello", ...(handle === undefined ? {} : { handle }) });
    return client;
  }

  /** A client that has joined a room. */
  static async in(chat: Chat, room: string, join: object = {}, handle?: string): Promise<FakeClient> {
    const client = await FakeClient.greeted(chat, handle);
    await client.ask({ type: "join", room, ...join });
    return client;
  }

  /** Sends a frame with the next ref, and does not wait. */
  request(frame: object): number {
    this.#ref += 1;
    this.send({ ref: this.#ref, ...frame });
    return this.#ref;
  }

  send(frame: unknown): void {
    this.session.onFrame(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** Sends a frame with the next ref; the result is its answer, or undefined if none came. */
  async ask(frame: object): Promise<Out> {
    const ref = this.request(frame);
    await settle();
    return this.answer(ref) ?? {};
  }

  answer(ref: number): Out | undefined {
    return this.connection.frames.find((frame) => frame["ref"] === ref);
  }

  /** What it was shown of the room live, oldest first. */
  get texts(): unknown[] {
    return this.connection.framesOf("message").map((frame) => frame["text"]);
  }

  get ids(): unknown[] {
    return this.connection.framesOf("message").map((frame) => frame["id"]);
  }

  leaveAltogether(): void {
    this.#chat.disconnect(this.session);
  }
}

export function textsOf(frame: Out): unknown[] {
  return messagesOf(frame).map(({ text }) => text);
}

export function idsOf(frame: Out): string[] {
  return messagesOf(frame).map(({ id }) => id);
}

export function messagesOf(frame: Out): { id: string; prev: string; text: string }[] {
  const messages = frame["messages"];
  if (!Array.isArray(messages)) throw new Error(`no messages in ${JSON.stringify(frame)}`);
  return messages;
}
