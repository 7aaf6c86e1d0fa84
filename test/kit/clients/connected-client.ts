import { ChatClient, type ChatClientOptions } from "../../../src/client/client.ts";
import type { JoinedFrame, MessageFrame } from "../../../src/protocol/frames.ts";
import { FakeClock } from "../fakes/fake-clock.ts";
import { FakeNetwork, type FakeSocket } from "../fakes/fake-socket.ts";

/** A client on a fake clock and fake sockets; its random numbers are all one half. */
export function newClient(options: Partial<ChatClientOptions> = {}) {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const client = new ChatClient({
    url: "ws://chat.test/ws",
    clock,
    openSocket: network.open,
    random: () => 0.5,
    ...options,
  });
  return { client, clock, network };
}

/** The server's side of a hello: the client is live afterwards. */
export function welcome(socket: FakeSocket, user = { id: "u1", handle: "Ada" }): void {
  socket.deliver({
    type: "welcome",
    ref: socket.last("hello").ref,
    session: "s",
    token: `token-of-${user.id}`,
    user,
    pingMs: 25_000,
    limits: { textLength: 100, frameBytes: 32_768, messagesPerSecond: 5, burst: 10, rooms: 50 },
  });
}

/** Messages `from` to `to` of a stream whose message n has the id `n-0`. */
export function messages(from: number, to: number, fields: Partial<MessageFrame> = {}): MessageFrame[] {
  const made: MessageFrame[] = [];
  for (let n = from; n <= to; n += 1) {
    made.push({
      id: `${n}-0`,
      prev: `${n - 1}-0`,
      type: "message",
      room: "lobby",
      user: "u2",
      handle: "Bob",
      text: `text ${n}`,
      ...fields,
    });
  }
  return made;
}

/** Answers the last join. */
export function joined(socket: FakeSocket, fields: Partial<JoinedFrame> = {}): void {
  const request = socket.last("join");
  socket.deliver({
    type: "joined",
    ref: request.ref,
    room: request.room,
    recovered: true,
    head: fields.messages?.at(-1)?.id ?? "0-0",
    messages: [],
    more: false,
    present: { count: 1, users: [{ id: "u1", handle: "Ada" }] },
    handle: "Ada",
    ...fields,
  });
}

/** A client that is live and joined to the room `lobby`, with the messages given. */
export function joinedClient(history: MessageFrame[] = [], options: Partial<ChatClientOptions> = {}) {
  const made = newClient(options);
  const room = made.client.join("lobby");
  made.client.start();
  made.network.socket.accept();
  welcome(made.network.socket);
  joined(made.network.socket, { messages: history });
  return { ...made, room };
}

/** Loses the connection and lets the client come back, up to its join. Returns the new socket. */
export function reconnect(made: { clock: FakeClock; network: FakeNetwork }, code = 1006): FakeSocket {
  made.network.socket.end(code);
  made.clock.advance(20_000);
  made.network.socket.accept();
  welcome(made.network.socket);
  return made.network.socket;
}
