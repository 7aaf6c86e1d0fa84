import { describe, expect, it } from "vitest";
import { ChatClient } from "../../../src/client/client.ts";
import type { MessageFrame } from "../../../src/protocol/frames.ts";
import { joined, joinedClient, messages, newClient, reconnect } from "../../kit/clients/connected-client.ts";
import { FakeClock } from "../../kit/fakes/fake-clock.ts";
import { ModelServer, NO_FAULTS } from "../../kit/fakes/model-server.ts";
import { seededRandom } from "../../kit/fakes/seeded-random.ts";

/** The pages of the model server hold seven messages. */
const PAGE = 7;

function simulated() {
  const clock = new FakeClock();
  const random = seededRandom(5);
  const server = new ModelServer(clock, random, { ...NO_FAULTS });
  const client = new ChatClient({ url: "ws://chat.test/ws", clock, random, openSocket: server.open });
  const room = client.join("lobby");
  client.start();
  clock.advance(10_000);
  return { clock, server, client, room };
}

describe("what people complain about in other chats", () => {
  it.each([0, 1, PAGE, PAGE + 1, 10 * PAGE])(
    "no hole after an absence in which %i messages came",
    (missed) => {
      const { clock, server, client, room } = simulated();
      server.say("before");
      clock.advance(10_000);
      client.stop();
      for (let n = 0; n < missed; n += 1) server.say(`missed ${n}`);
      client.start();
      clock.advance(60_000);
      server.say("after");
      clock.advance(10_000);
      expect(room.messages.map((message) => message.id)).toEqual(server.log.map((message) => message.id));
      expect(room.messages.filter((message) => message.gap !== "none")).toEqual([]);
    },
  );

  it("two messages of one millisecond on both sides of a page's edge are both there, once and in order", async () => {
    const ids = ["1700000000000-9", "1700000000000-10", "1700000000000-11", "1700000000000-100"];
    const log = ids.map(
      (id, index): MessageFrame => ({ ...messages(1, 1)[0]!, id, prev: ids[index - 1] ?? "0-0", text: id }),
    );
    const made = joinedClient(log.slice(2));
    made.network.socket.deliver(log[3]!);
    const socket = reconnect(made);
    joined(socket, { recovered: false, messages: log.slice(2), more: true });
    const older = made.room.loadOlder(ids[2]);
    const { ref, before } = socket.last("history");
    expect(before).toBe(ids[2]);
    socket.deliver({ type: "history", ref, room: "lobby", messages: log.slice(0, 2), more: false });
    expect(await older).toBe("end");
    expect(made.room.messages.map((message) => message.id)).toEqual(ids);
  });

  it("no message twice after fifty reconnects, and no socket or timer left over", () => {
    const made = joinedClient(messages(1, 3));
    const { client, clock, network, room } = made;
    for (let n = 4; n < 54; n += 1) {
      const socket = reconnect(made);
      // The server sends the last one again, as one that was ahead may.
      joined(socket, { messages: messages(n, n) });
      socket.deliver(messages(n, n)[0]!);
      clock.advance(5_000);
    }
    for (const old of network.sockets.slice(0, -1)) old.deliver(messages(54, 54)[0]!);
    expect(room.messages.map((message) => message.text)).toEqual(messages(1, 53).map(({ text }) => text));
    expect(network.sockets.slice(0, -1).every((socket) => socket.closedByClient)).toBe(true);
    client.stop();
    expect(clock.waiting).toBe(0);
  });

  it("a thousand clients do not return in the same second after a server is gone", () => {
    const random = seededRandom(9);
    const delays = Array.from({ length: 1_000 }, () => {
      const { client, network, clock } = newClient({ random });
      client.start();
      // The third failure in a row, as while a process restarts.
      for (let failure = 0; failure < 3; failure += 1) {
        network.socket.end();
        if (failure < 2) clock.advance(2_000);
      }
      const state = client.connection;
      return state.name === "waiting" ? state.retryAt - clock.now() : Number.NaN;
    });
    const inOneTenth = Array.from(
      { length: 20 },
      (_, tenth) => delays.filter((ms) => Math.floor(ms / 100) === tenth).length,
    );
    expect(Math.max(...delays)).toBeGreaterThan(1_900);
    expect(Math.max(...inOneTenth)).toBeLessThan(90);
  });
});
