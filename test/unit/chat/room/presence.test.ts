import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Person } from "../../../../src/protocol/frames.ts";
import { ANYBODY, FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";
import { FakeConnection, type Out, payloadsIn } from "../../../kit/fakes/fake-connection.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

/** A room with one member who has heard of themselves. */
async function watched(options = {}) {
  const { chat, log: store } = openChat(options);
  const ann = await FakeClient.in(chat, "lobby", {}, "Ann");
  await vi.advanceTimersByTimeAsync(1_000);
  ann.connection.take();
  const presence = () => ann.connection.take().filter(({ type }) => type === "presence");
  const enter = (id: string, handle = id, instance = "elsewhere") =>
    store.publish("lobby", Buffer.from(JSON.stringify({ type: "enter", instance, person: { id, handle } })));
  const exit = (user: string, instance = "elsewhere") =>
    store.publish("lobby", Buffer.from(JSON.stringify({ type: "exit", instance, user })));
  return { chat, log: store, ann, presence, enter, exit };
}

async function inLobby(
  chat: Parameters<typeof FakeClient.in>[0],
  handle: string,
  guest?: string,
): Promise<FakeClient> {
  const client = await FakeClient.greeted(chat, handle, guest);
  await client.ask({ type: "join", room: "lobby" });
  return client;
}

async function inLobbyFrom(chat: Parameters<typeof FakeClient.in>[0], address: string): Promise<FakeClient> {
  const client = new FakeClient(chat, undefined, new FakeConnection(undefined, address));
  await client.ask({ type: "hello" });
  await client.ask({ type: "join", room: "lobby", limit: 0 });
  return client;
}

function handleIn(client: FakeClient): unknown {
  return client.connection.framesOf("joined")[0]?.["handle"];
}

/** Who a client believes is there after these frames. */
function believed(frames: readonly Out[]): string[] {
  const people = new Set<string>();
  for (const frame of frames) {
    const { users } = (frame["present"] ?? {}) as { users?: { id: string }[] };
    for (const { id } of users ?? []) people.add(id);
    for (const { id } of (frame["joined"] ?? []) as { id: string }[]) people.add(id);
    for (const id of (frame["left"] ?? []) as string[]) people.delete(id);
  }
  return [...people].sort();
}

describe("presence", () => {
  it("is merged to one frame per second", async () => {
    const { presence, enter, exit } = await watched();
    for (let i = 0; i < 40; i += 1) {
      enter(`user${i}`);
      if (i % 2 === 1) exit(`user${i - 1}`);
      await vi.advanceTimersByTimeAsync(100);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    const frames = presence();
    expect(frames.length).toBeGreaterThanOrEqual(4);
    expect(frames.length).toBeLessThanOrEqual(6);
    expect(frames.at(-1)).toMatchObject({ count: 21 });
  });

  it("counts a user with three connections once, until the last is closed", async () => {
    const { chat, presence, log: store } = await watched();
    const guest = chat.guests.create();
    const tabs = [
      await inLobby(chat, "Ben", guest),
      await inLobby(chat, "Ben", guest),
      await inLobby(chat, "Ben", guest),
    ];
    await vi.advanceTimersByTimeAsync(1_000);
    expect(presence()).toMatchObject([{ count: 2, joined: [{ id: guest, handle: "Ben" }], left: [] }]);
    tabs[0]?.leaveAltogether();
    tabs[1]?.leaveAltogether();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(presence()).toEqual([]);
    tabs[2]?.leaveAltogether();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(presence()).toMatchObject([{ count: 1, joined: [], left: [guest] }]);
    expect(store.calls.filter((call) => call.endsWith(guest))).toEqual([
      `enter lobby ${guest}`,
      `exit lobby ${guest}`,
    ]);
  });

  it.each([
    ["came back and left at once", ["exit", "enter", "exit"]],
    ["changed their name and left at once", ["rename", "exit"]],
    ["left and came back at once", ["exit", "enter"]],
  ])("knows where a user is who %s", async (_case, steps) => {
    const { ann, enter, exit } = await watched();
    enter("ben");
    await vi.advanceTimersByTimeAsync(1_000);
    for (const step of steps) {
      if (step === "exit") exit("ben");
      else enter("ben", step === "rename" ? "Benjamin" : "ben");
    }
    await vi.advanceTimersByTimeAsync(1_000);
    expect(believed(ann.connection.framesOf("presence"))).toEqual(steps.at(-1) === "exit" ? [] : ["ben"]);
  });

  it("tells a new client that a user in its list left, even if no other client was told of that user", async () => {
    const { chat, enter, exit } = await watched();
    enter("ben");
    await vi.advanceTimersByTimeAsync(1_000);
    enter("cleo");
    const dan = await inLobby(chat, "Dan");
    exit("cleo");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(believed(dan.connection.frames)).not.toContain("cleo");
    expect(believed(dan.connection.frames)).toContain("ben");
  });

  it("tells a new client of users who were away, or had another handle, at the moment it joined", async () => {
    const { chat, enter, exit } = await watched();
    enter("u1", "One");
    enter("u2", "Two");
    await vi.advanceTimersByTimeAsync(2_000);
    exit("u1");
    enter("u2", "Zwei");
    const newcomer = await inLobby(chat, "Ben");
    enter("u1", "One");
    enter("u2", "Two");
    await vi.advanceTimersByTimeAsync(1_000);
    const told = newcomer.connection.framesOf("presence").flatMap(({ joined }) => joined);
    expect(told).toContainEqual({ id: "u1", handle: "One" });
    expect(told).toContainEqual({ id: "u2", handle: "Two" });
  });

  it("is corrected by a presence sync: users of dead processes are removed, missed users are added, users of this process stay", async () => {
    const { log: store, ann, enter, presence } = await watched();
    enter("ghost");
    await vi.advanceTimersByTimeAsync(1_000);
    presence();
    store.elsewhere.set("lobby", [{ id: "missed", handle: "Missed", instances: ["elsewhere"] }]);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(presence()).toMatchObject([{ count: 2, joined: [{ id: "missed" }], left: ["ghost"] }]);
    const again = await ann.ask({ type: "join", room: "lobby" });
    expect(believed([again])).toEqual([ann.guest, "missed"].sort());
  });

  it("is only a count above 200 people", async () => {
    const { chat, presence, enter } = await watched();
    for (let i = 0; i < 199; i += 1) enter(`user${i}`);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(presence()[0]).toMatchObject({ count: 200, joined: expect.any(Array) });
    enter("one-more");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(presence()).toEqual([{ type: "presence", room: "lobby", count: 201 }]);
    const ben = await inLobby(chat, "Ben");
    expect(ben.connection.framesOf("joined")[0]).toMatchObject({ present: { count: 202, users: [] } });
  });

  it("is sent every 5 s above 200 users, and names all of them again when the crowd is gone", async () => {
    const { presence, enter, exit } = await watched();
    for (let i = 0; i < 250; i += 1) enter(`user${i}`);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(presence()).toMatchObject([{ count: 251 }]);
    for (let i = 0; i < 4; i += 1) {
      enter(`late${i}`);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    const told = presence();
    expect(told.length).toBeLessThanOrEqual(1);
    for (let i = 0; i < 240; i += 1) exit(`user${i}`);
    await vi.advanceTimersByTimeAsync(3_000);
    const frames = presence();
    expect(frames.at(-1)).toMatchObject({ count: 15 });
    expect(believed(frames)).toHaveLength(15);
  });

  it("still names the other users of a room that hundreds of guests of one address enter", async () => {
    const { chat, log: store, ann, presence, enter } = await watched();
    for (let n = 0; n < 50; n += 1) enter(`honest${n}`);
    const entered = vi.spyOn(store, "enter");
    for (let n = 0; n < 300; n += 1) await inLobbyFrom(chat, "198.51.100.7");
    await vi.advanceTimersByTimeAsync(10_000);
    const named = (await chat.queries.people("lobby", ANYBODY)).users.map(({ id }) => id);
    expect(named).toEqual(expect.arrayContaining([ann.guest, "honest0", "honest49"]));
    expect(named).toHaveLength(200);
    const others = named.filter((id) => id !== ann.guest).sort();
    expect(believed(ann.connection.framesOf("presence"))).toEqual(others);
    expect(presence().at(-1)).toMatchObject({ count: 351 });
    const newcomer = await inLobby(chat, "Ben");
    const { present } = newcomer.connection.framesOf("joined")[0] as { present: { users: unknown[] } };
    expect(present.users.length).toBeGreaterThan(198);
    // Other processes are told a digest, and clients not even that.
    const digests = new Set(entered.mock.calls.map(([, { network }]) => network));
    expect([...digests][0]).toMatch(/^[\w-]{8}$/);
    expect(digests.size).toBe(2);
    expect(JSON.stringify(newcomer.connection.frames)).not.toMatch(/network|198\.51/);
  });

  it("names the same users on processes that learned of them in another order, before and after a presence sync", async () => {
    const [one, two] = [await watched(), await watched()];
    const guests = Array.from({ length: 400 }, (_, n) => ({
      id: `guest${n}`,
      handle: `Guest ${n}`,
      network: n % 4 === 0 ? "office" : "school",
    }));
    const people = (list: readonly object[]) =>
      Buffer.from(JSON.stringify({ type: "enter", instance: "elsewhere", people: list }));
    one.log.publish("lobby", people(guests));
    two.log.publish("lobby", people([...guests].reverse()));
    const named = async ({ chat }: typeof one) =>
      (await chat.queries.people("lobby", ANYBODY)).users.map(({ id }) => id);
    const others = async (room: typeof one) =>
      (await named(room)).filter((id) => id !== room.ann.guest).sort();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(await others(one)).toEqual(await others(two));
    expect(await named(one)).toHaveLength(199);
    const called = guests.map((guest) => ({ ...guest, instances: ["elsewhere"] }));
    for (const { log: store } of [one, two])
      store.elsewhere.set("lobby", store === one.log ? called : [...called].reverse());
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await others(one)).toEqual(await others(two));
    expect(await named(one)).toHaveLength(199);
  });

  it("is sent completely, in frames of a bounded size, whatever handles users take", async () => {
    const { log: store, ann, enter } = await watched();
    const longest = (letter: string, n: number) => `${n}${letter.repeat(1_270)}`;
    for (const letter of ["a", "b"]) {
      const people = Array.from({ length: 150 }, (_, n) => ({ id: `user${n}`, handle: longest(letter, n) }));
      for (const { id, handle } of people) enter(id, handle);
      store.elsewhere.set(
        "lobby",
        people.map((person) => ({ ...person, instances: ["elsewhere"] })),
      );
      await vi.advanceTimersByTimeAsync(3_000);
    }
    await vi.advanceTimersByTimeAsync(30_000);
    for (const write of ann.connection.writes) expect(write.length).toBeLessThan(9 * 1024);
    const told = ann.connection.framesOf("presence").flatMap(({ joined }) => joined as Person[]);
    const names = new Map(told.map(({ id, handle }) => [id, handle]));
    for (let n = 0; n < 150; n += 1) expect(names.get(`user${n}`)).toBe(longest("b", n));
  });

  it("is sent every 5 s if one user has more than 200 connections here", async () => {
    const { chat, presence, enter } = await watched();
    for (let n = 0; n < 201; n += 1) await inLobby(chat, "Ben", "many");
    await vi.advanceTimersByTimeAsync(5_000);
    presence();
    for (let n = 0; n < 100; n += 1) {
      enter(`user${n}`);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(presence().length).toBeLessThanOrEqual(3);
  });

  it("waits for a reader above 64 KiB, which then gets the whole state once", async () => {
    const { ann, presence, enter, exit } = await watched();
    enter("ben");
    await vi.advanceTimersByTimeAsync(1_000);
    presence();
    ann.connection.waiting = 64 * 1024 + 1;
    exit("ben");
    await vi.advanceTimersByTimeAsync(1_000);
    enter("cleo");
    await vi.advanceTimersByTimeAsync(3_000);
    expect(presence()).toEqual([]);
    ann.connection.waiting = 64 * 1024;
    enter("dan");
    await vi.advanceTimersByTimeAsync(1_000);
    const [frame, ...more] = presence();
    expect(more).toEqual([]);
    expect(frame).toMatchObject({ count: 3, left: ["ben"] });
    expect(believed([frame ?? {}])).toEqual([ann.guest, "cleo", "dan"].sort());
  });
});

describe("typing", () => {
  it("is sent to the others and not to the connection that typed", async () => {
    const { chat, ann } = await watched();
    const ben = await inLobby(chat, "Ben");
    const second = await inLobby(chat, "Ben", ben.guest);
    ben.send({ type: "typing", room: "lobby", on: true });
    await settle();
    const frame = { type: "typing", room: "lobby", user: ben.guest, handle: "Ben", on: true };
    expect(ann.connection.framesOf("typing")).toEqual([frame]);
    expect(second.connection.framesOf("typing")).toEqual([frame]);
    expect(ben.connection.framesOf("typing")).toEqual([]);
  });

  it("is sent when it begins, when it ends, and often enough not to expire, however often the client sends it", async () => {
    const { chat, log: store, ann } = await watched();
    const ben = await inLobby(chat, "Ben");
    const published = vi.spyOn(store, "publishEphemeral");
    for (let n = 0; n < 100; n += 1) {
      ben.send({ type: "typing", room: "lobby", on: true });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(published.mock.calls.length).toBe(5);
    expect(ann.connection.framesOf("typing")).toHaveLength(5);
    for (let n = 0; n < 3; n += 1) ben.send({ type: "typing", room: "lobby", on: false });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(published.mock.calls.length).toBe(6);
    expect(ann.connection.framesOf("typing").at(-1)).toMatchObject({ on: false });
  });

  it("that begins and ends in a loop is published twice per second and user, and sent once", async () => {
    const { chat, log: store, ann } = await watched();
    const ben = await inLobby(chat, "Ben");
    const published = vi.spyOn(store, "publishEphemeral");
    const before = ann.connection.writes.length;
    for (let n = 0; n < 500; n += 1) {
      ben.send({ type: "typing", room: "lobby", on: n % 2 === 0 });
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(published.mock.calls.length).toBeLessThanOrEqual(2 * 5 + 1);
    expect(ann.connection.writes.length - before).toBeLessThanOrEqual(5 + 1);
  });

  it.each([
    ["short names", "Ben"],
    ["the longest names", "x".repeat(1_280)],
  ])(
    "of many users with %s is one bounded write per member and second, whichever process it comes from",
    async (_case, handle) => {
      const { chat, log: store, ann } = await watched();
      for (let n = 0; n < 5_000; n += 1) {
        const hint = { type: "typing", user: `user${n % 190}`, handle, on: true };
        store.publish("lobby", Buffer.from(JSON.stringify(hint)));
        if (n % 100 === 0) await vi.advanceTimersByTimeAsync(100);
      }
      await vi.advanceTimersByTimeAsync(1_000);
      const { writes } = ann.connection;
      expect(writes.length).toBeLessThanOrEqual(7);
      for (const write of writes) {
        expect(write.length).toBeLessThanOrEqual(4.5 * 1024);
        expect(payloadsIn(write).length).toBeLessThanOrEqual(20);
      }
      expect(chat.counters.limited.get("typing")).toBeGreaterThan(0);
    },
  );

  it("is one write per member every 3 s if one user has more than 200 connections here", async () => {
    const { chat, log: store, ann } = await watched();
    for (let n = 0; n < 201; n += 1) await inLobby(chat, "Ben", "many");
    const before = ann.connection.writes.length;
    for (let n = 0; n < 60; n += 1) {
      const hint = { type: "typing", user: `user${n % 5}`, handle: "Cem", on: true };
      store.publish("lobby", Buffer.from(JSON.stringify(hint)));
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(ann.connection.framesOf("presence")).toHaveLength(1);
    expect(ann.connection.writes.length - before).toBeLessThanOrEqual(1 + 3);
  });

  it("of several users at once reaches all members except its own senders", async () => {
    const { chat, ann } = await watched();
    const [ben, cem] = [await inLobby(chat, "Ben"), await inLobby(chat, "Cem")];
    // The first is sent at once, those within a second together.
    for (const client of [ann, ben, cem]) client.send({ type: "typing", room: "lobby", on: true });
    await vi.advanceTimersByTimeAsync(1_000);
    const seenBy = (client: FakeClient) => client.connection.framesOf("typing").map(({ user }) => user);
    expect(seenBy(ann)).toEqual([ben.guest, cem.guest]);
    expect(seenBy(ben)).toEqual([ann.guest, cem.guest]);
    expect(seenBy(cem)).toEqual([ann.guest, ben.guest]);
  });

  it("is not sent above 200 users, whichever process it comes from", async () => {
    const { chat, log: store, ann, enter } = await watched();
    const ben = await inLobby(chat, "Ben");
    for (let n = 0; n < 200; n += 1) enter(`user${n}`);
    const published = vi.spyOn(store, "publishEphemeral");
    ben.send({ type: "typing", room: "lobby", on: true });
    store.publish("lobby", Buffer.from('{"type":"typing","user":"user1","handle":"x","on":true}'));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(published).not.toHaveBeenCalled();
    expect(ann.connection.framesOf("typing")).toEqual([]);
  });

  it("is dropped for a reader above 64 KiB, and outside a room", async () => {
    const { chat, ann } = await watched();
    const ben = await FakeClient.greeted(chat, "Ben");
    ben.send({ type: "typing", room: "lobby", on: true });
    await ben.ask({ type: "join", room: "lobby" });
    ann.connection.waiting = 64 * 1024 + 1;
    ben.send({ type: "typing", room: "lobby", on: true });
    expect(ann.connection.framesOf("typing")).toEqual([]);
  });

  it("handles several users who enter, or leave, at once", async () => {
    const { log: store, presence } = await watched();
    const people = ["ben", "cem", "dee"].map((id) => ({ id, handle: id }));
    store.publish("lobby", Buffer.from(JSON.stringify({ type: "enter", instance: "elsewhere", people })));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(presence()).toMatchObject([{ count: 4, joined: people }]);
    const users = ["ben", "dee"];
    store.publish("lobby", Buffer.from(JSON.stringify({ type: "exit", instance: "elsewhere", users })));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(presence()).toMatchObject([{ count: 2, left: users }]);
  });

  it.each([
    '{"type":"enter","instance":"i","people":[7,{"id":"x"}]}',
    '{"type":"exit","instance":"i","users":[7,{}]}',
    '{"type":"typing","user":7,"handle":"x","on":true}',
    '{"type":"enter","instance":"i","person":{}}',
    '{"type":"',
    "7",
  ])("or presence that is none is ignored: %s", async (hint) => {
    const { log: store, ann } = await watched();
    store.publish("lobby", Buffer.from(hint));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ann.connection.take()).toEqual([]);
  });
});

describe("two users whose handles look alike", () => {
  it.each([
    ["Ann", "Ann 2"],
    ["ANN", "ANN 2"],
    ["\u0410nn", "\u0410nn 2"],
    ["A.n.n", "A.n.n 2"],
    ["Anna", "Anna"],
  ])("are told apart in the room: %s becomes %s", async (wanted, got) => {
    const { chat } = await watched();
    const other = await inLobby(chat, wanted);
    expect(handleIn(other)).toBe(got);
    await other.ask({ type: "message", room: "lobby", key: "k", text: "t" });
    expect(other.connection.framesOf("message")[0]).toMatchObject({ handle: got });
  });

  it("get different handles over all processes, also with handles of full length", async () => {
    const { chat, enter } = await watched();
    enter("far", "x".repeat(32));
    expect(handleIn(await inLobby(chat, "x".repeat(32)))).toBe(`${"x".repeat(25)} 2`);
    expect(handleIn(await inLobby(chat, "Ann"))).toBe("Ann 2");
    expect(handleIn(await inLobby(chat, "Ann"))).toBe("Ann 3");
  });

  it("are one entry if they are the same user", async () => {
    const { chat, ann } = await watched();
    expect(handleIn(await inLobby(chat, "Ann", ann.guest))).toBe("Ann");
  });

  it("release the handle when they leave", async () => {
    const { chat, ann } = await watched();
    ann.leaveAltogether();
    expect(handleIn(await inLobby(chat, "Ann"))).toBe("Ann");
  });
});
