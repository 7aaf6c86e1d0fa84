import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Chat } from "../../../../src/chat/chat.ts";
import { Counters } from "../../../../src/chat/counters.ts";
import { guestIdentity, type Identity } from "../../../../src/chat/identity.ts";
import { Accounts } from "../../../../src/chat/limits/accounts.ts";
import { COST } from "../../../../src/chat/limits/request-budget.ts";
import type { ChatOptions } from "../../../../src/chat/session/chat-context.ts";
import { LIMITS } from "../../../../src/protocol/limits.ts";
import { type FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";
import { FakeConnection } from "../../../kit/fakes/fake-connection.ts";
import { FAKE_SITE, signedIn } from "../../../kit/fakes/fake-site.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

function openSite(options: Partial<ChatOptions> = {}) {
  const { chat, log } = openChat(options, undefined, FAKE_SITE);
  return { chat, store: log };
}

const site: Identity = { ...guestIdentity("s-ann", "ann"), kind: "site" };
const program: Identity = { ...guestIdentity("p-bot", "bot"), kind: "program" };

/** Sends messages to rooms, each with a key of its own. */
async function write(client: FakeClient, rooms: readonly string[], count: number): Promise<void> {
  for (const room of rooms) client.request({ type: "join", room, limit: 0 });
  await settle(10);
  for (let n = 0; n < count; n += 1) {
    const room = rooms[n % rooms.length];
    client.request({ type: "message", room, key: `k${n}`, text: "t" });
  }
  await settle(20);
}

function publishAs(chat: Chat, sender: Identity, room: string, key: string) {
  const request = {
    room,
    here: undefined,
    sender,
    base: "write",
    handle: sender.handle,
    network: "192.0.2.1",
  } as const;
  return chat.publisher.publish({
    ...request,
    text: "t",
    key,
    connection: "c",
    arrivedAt: performance.now(),
  });
}

describe("messages of one user over all rooms", () => {
  it("are limited to twice the rate of a room for a user of the site, in this process, whatever the connection", async () => {
    const { chat, store } = openSite({ messagesPerSecond: 5, messageBurst: 10 });
    const [one, other] = [await signedIn(chat, "ann"), await signedIn(chat, "ann", "198.51.100.1")];
    const ben = await signedIn(chat, "ben");
    await write(one, ["a", "b", "c"], 15);
    await write(other, ["d", "e"], 15);
    expect(store.appends).toHaveLength(20);
    const errors = other.connection.framesOf("error");
    expect(errors).toHaveLength(10);
    expect(errors[0]).toMatchObject({
      code: "rate-limited",
      message: expect.stringContaining("over all rooms"),
      retryAfterMs: 100,
    });
    expect(chat.counters.limited.get("user-all-messages")).toBe(10);
    await write(ben, ["a"], 10);
    expect(ben.connection.framesOf("ack")).toHaveLength(10);
  });

  it("are limited for a program to as many times as much as the setting says", async () => {
    const { chat, store } = openSite({ messagesPerSecond: 5, messageBurst: 10, programFactor: 2 });
    for (let n = 0; n < 50; n += 1) await publishAs(chat, program, `room-${n}`, "k");
    expect(store.appends).toHaveLength(40);
    await vi.advanceTimersByTimeAsync(1_000);
    for (let n = 0; n < 50; n += 1) await publishAs(chat, program, `room-${n}`, "k2");
    expect(store.appends).toHaveLength(60);
  });

  it("carry the kind of the user, by which the store limits new rooms and bytes; a guest's its address", async () => {
    const { chat, store } = openSite();
    for (const sender of [site, program, guestIdentity("g-1")]) await publishAs(chat, sender, "a", "k");
    expect(store.appends.map(({ account, guest }) => [account, guest?.network])).toEqual([
      ["site", undefined],
      ["program", undefined],
      [undefined, "192.0.2.1"],
    ]);
  });
});

describe("connections of one user of the site", () => {
  it("are limited in this process, from whatever address, and one that is closed makes place", async () => {
    const { chat } = openSite({ maxConnectionsPerUser: 2 });
    const [first] = [await signedIn(chat, "ann", "192.0.2.1"), await signedIn(chat, "ann", "192.0.2.2")];
    const third = await signedIn(chat, "ann", "192.0.2.3");
    expect(third.answer(1)).toMatchObject({
      code: "rate-limited",
      message: "You have too many connections open; close one, or try again later.",
      retryAfterMs: 5_000,
    });
    expect(third.connection.closedWith).toEqual({ code: 4429, reason: "5000" });
    expect(chat.counters.limited.get("user-connections")).toBe(1);
    expect((await signedIn(chat, "ben")).answer(1)).toMatchObject({ type: "welcome" });
    first?.leaveAltogether();
    first?.leaveAltogether();
    third.leaveAltogether();
    expect((await signedIn(chat, "ann")).answer(1)).toMatchObject({ type: "welcome" });
    expect((await signedIn(chat, "ann")).answer(1)).toMatchObject({ code: "rate-limited" });
  });

  it("are counted once, however many hellos come", async () => {
    const { chat } = openSite({ maxConnectionsPerUser: 2 });
    const ann = await signedIn(chat, "ann");
    for (let n = 0; n < 5; n += 1)
      expect(await ann.ask({ type: "hello", token: "ann" })).toMatchObject({ type: "welcome" });
    expect((await signedIn(chat, "ann")).answer(1)).toMatchObject({ type: "welcome" });
  });

  it("are event streams, too, and no guests", () => {
    const { chat } = openSite({ maxConnectionsPerUser: 1 });
    const guest = guestIdentity("g-1");
    for (const identity of [site, guest, guest]) {
      expect(chat.accounts.refusal(identity)).toBeUndefined();
      chat.connectStream(new FakeConnection(), { identity, rooms: [] });
    }
    expect(chat.accounts.refusal(site)).toMatchObject({ code: "rate-limited" });
  });

  it("are more for a program, and without a limit where it is 0", () => {
    const accounts = new Accounts({ maxConnectionsPerUser: 2, programFactor: 3 }, new Counters());
    for (let n = 0; n < 6; n += 1) {
      expect(accounts.refusal(program)).toBeUndefined();
      accounts.connect(program);
    }
    expect(accounts.refusal(program)).toMatchObject({ code: "rate-limited" });
    const unlimited = new Accounts({ maxConnectionsPerUser: 0, programFactor: 3 }, new Counters());
    for (let n = 0; n < 1_000; n += 1) unlimited.connect(site);
    expect(unlimited.refusal(site)).toBeUndefined();
  });
});

describe("requests of one user of the site", () => {
  it("are counted over the connections from all addresses, from the hello on, until they are closed", async () => {
    const { chat } = openSite({ addressRequestsPerSecond: 5 });
    const [one, other] = [await signedIn(chat, "ann", "192.0.2.1"), await signedIn(chat, "ann", "192.0.2.2")];
    const ben = await signedIn(chat, "ben", "192.0.2.3");
    one.session.requests.spend(20 * COST.request);
    expect(other.session.requests.isEmpty).toBe(true);
    expect(ben.session.requests.isEmpty).toBe(false);
    for (const client of [one, other, ben]) client.leaveAltogether();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(chat.requests.size).toBe(0);
  });
});

describe("rooms that one user of the site has open", () => {
  it("are limited in this process, from whatever address; a room that is open may be entered", async () => {
    const { chat } = openSite({ maxRoomsPerUser: 2 });
    const [one, other] = [await signedIn(chat, "ann"), await signedIn(chat, "ann", "198.51.100.1")];
    const ben = await signedIn(chat, "ben");
    expect(await one.ask({ type: "join", room: "a" })).toMatchObject({ type: "joined" });
    expect(await other.ask({ type: "join", room: "b" })).toMatchObject({ type: "joined" });
    expect(await other.ask({ type: "join", room: "c" })).toMatchObject({
      code: "rate-limited",
      message: "You have too many rooms open; leave one, or try again later.",
      retryAfterMs: 10_000,
    });
    expect(chat.counters.limited.get("user-rooms")).toBe(1);
    expect(await ben.ask({ type: "join", room: "c" })).toMatchObject({ type: "joined" });
    expect(await other.ask({ type: "join", room: "c" })).toMatchObject({ type: "joined" });
    await one.ask({ type: "leave", room: "a" });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await one.ask({ type: "join", room: "d" })).toMatchObject({ type: "joined" });
  });

  it("are more for a program", () => {
    const { chat } = openSite({ maxRoomsPerUser: 1, programFactor: 3 });
    const open = (room: string) => chat.rooms.open(room, { network: "192.0.2.1", identity: program });
    for (const room of ["a", "b", "c"]) open(room);
    expect(() => open("d")).toThrow("too many rooms are open");
  });
});

describe("a user of the site who is refused too often", () => {
  /** Lets each of some connections be refused so many times. */
  async function refuse(clients: readonly FakeClient[], times: number): Promise<void> {
    for (let n = 0; n < times; n += 1) {
      for (const client of clients)
        client.request({ type: "message", room: "a", key: `${client.connection.id}-${n}`, text: "t" });
    }
    await settle(20);
  }

  async function flood() {
    const { chat } = openSite({ messagesPerSecond: 1, messageBurst: 1 });
    const clients: FakeClient[] = [];
    for (let n = 0; n < 10; n += 1) {
      const client = await signedIn(chat, "ann", `192.0.2.${n}`);
      await client.ask({ type: "join", room: "a", limit: 0 });
      clients.push(client);
    }
    return { chat, clients };
  }

  it("on many connections has each closed that goes on, though none was refused too often by itself", async () => {
    const { chat, clients } = await flood();
    const quiet = await signedIn(chat, "ann");
    const ben = await signedIn(chat, "ben");
    await refuse(clients, 15);
    expect(clients.filter(({ connection }) => connection.closedWith !== undefined)).toEqual([]);
    await refuse(clients, 10);
    for (const { connection } of clients)
      expect(connection.closedWith).toEqual({ code: 4429, reason: expect.stringMatching(/^\d{4}$/) });
    expect(chat.counters.limited.get("user-refusals")).toBe(clients.length);
    expect(quiet.connection.closedWith).toBeUndefined();
    await ben.ask({ type: "join", room: "a", limit: 0 });
    expect(await ben.ask({ type: "message", room: "a", key: "k", text: "t" })).toMatchObject({ type: "ack" });
  });

  it("may not connect again before the refusals are ten seconds old", async () => {
    const { chat, clients } = await flood();
    await refuse(clients, 25);
    for (const client of clients) client.leaveAltogether();
    await vi.advanceTimersByTimeAsync(4_000);
    const early = await signedIn(chat, "ann");
    expect(early.answer(1)).toMatchObject({ code: "rate-limited", retryAfterMs: 6_000 });
    expect(early.connection.closedWith).toEqual({ code: 4429, reason: "6000" });
    expect((await signedIn(chat, "ben")).answer(1)).toMatchObject({ type: "welcome" });
    await vi.advanceTimersByTimeAsync(6_000);
    expect((await signedIn(chat, "ann")).answer(1)).toMatchObject({ type: "welcome" });
  });

  it("is forgotten when the connections are gone and the refusals are old", async () => {
    const { chat, clients } = await flood();
    await refuse(clients, 15);
    for (const client of clients) client.leaveAltogether();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(chat.accounts.size).toBe(1);
    await vi.advanceTimersByTimeAsync(LIMITS.refusalWindowMs);
    expect(chat.accounts.size).toBe(0);
  });
});
