import { beforeEach, describe, expect, it, vi } from "vitest";
import { compareIds } from "../../../../src/protocol/ids.ts";
import { expectUnbroken } from "../../../kit/chain.ts";
import { FakeClient, idsOf, openChat, settle, textsOf } from "../../../kit/fakes/fake-client.ts";
import { expectSeamless, inRoom, linked } from "../../../kit/fakes/fake-room.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

describe("a join", () => {
  it("during a catch-up waits for its end", async () => {
    const { chat, log: store } = await inRoom();
    const resume = store.pause();
    store.store("lobby", { text: "one", published: false });
    store.store("lobby", { text: "two" });
    const client = await FakeClient.greeted(chat);
    const ref = client.request({ type: "join", room: "lobby" });
    await settle();
    expect(client.answer(ref)).toBeUndefined();
    resume();
    await settle();
    expect(textsOf(client.answer(ref) ?? {}).slice(-2)).toEqual(["one", "two"]);
    expect(client.texts).toEqual([]);
  });

  it("of a thousand clients at once costs the store one read", async () => {
    const { chat, log: store } = openChat();
    store.fill("lobby", 500);
    const clients = await Promise.all(Array.from({ length: 1_000 }, () => FakeClient.greeted(chat)));
    for (const client of clients) client.request({ type: "join", room: "lobby" });
    await settle();
    for (const client of clients) expect(client.connection.framesOf("joined")).toHaveLength(1);
    expect(store.calls.filter((call) => call.startsWith("subscribe"))).toHaveLength(1);
    expect(store.reads).toHaveLength(1);
  });

  it("of a thousand returning clients with one old cursor costs one read more", async () => {
    const { chat, log: store } = await inRoom(2, 900);
    const after = store.entries("lobby")[100]?.id;
    const clients = await Promise.all(Array.from({ length: 1_000 }, () => FakeClient.greeted(chat)));
    for (const client of clients) client.request({ type: "join", room: "lobby", after });
    await settle();
    for (const client of clients) expect(client.connection.framesOf("joined")).toHaveLength(1);
    expect(store.reads).toHaveLength(1);
  });

  it.each([
    ["of an empty room", 0, {}, 4],
    ["of the newest", 300, {}, 4],
    ["of the newest large ones, of which memory holds only a part", 300, { limit: 200 }, 1_500],
    ["with a cursor that memory holds", 300, { after: 290 }, 4],
    ["with a cursor that only the store has", 300, { after: 150, limit: 200 }, 4],
  ])(
    "%s loses and repeats nothing, though messages arrive between all its steps",
    async (_case, history, join, size) => {
      const { chat, log: store } = openChat();
      store.fill("lobby", history, "x".repeat(size));
      const { after, limit = 50 } = join as { after?: number; limit?: number };
      await FakeClient.in(chat, "lobby");
      const client = await FakeClient.greeted(chat);
      // Bounded, so that a join that never ends fails and does not hang.
      let left = 200;
      store.meanwhile = () => {
        if (left-- > 0) store.store("lobby", { text: "y".repeat(size) });
      };
      const cursor = after === undefined ? {} : { after: store.entries("lobby")[after]?.id };
      const ref = client.request({ type: "join", room: "lobby", limit, ...cursor });
      await settle(20);
      expect(client.answer(ref)).toMatchObject({ type: "joined", recovered: true });
      expect(left).toBeGreaterThan(150);
      store.meanwhile = () => undefined;
      store.store("lobby");
      await settle();
      expectSeamless(client, store.head("lobby"));
    },
  );

  it("that opens a room holds what arrives between the subscription and the read", async () => {
    const { chat, log: store } = openChat();
    store.fill("lobby", 3);
    const client = await FakeClient.greeted(chat);
    store.meanwhile = () => {
      if (store.entries("lobby").length < 20) store.store("lobby");
    };
    await client.ask({ type: "join", room: "lobby" });
    store.meanwhile = () => undefined;
    store.store("lobby");
    await settle();
    expectSeamless(client, store.head("lobby"));
    const [subscribed, read] = store.calls.filter((call) => call.includes("lobby"));
    expect([subscribed, read]).toEqual(["subscribe lobby", "before lobby"]);
  });

  it("that finds an older stream than the room had restarts the room, and succeeds", async () => {
    const { chat, log: store } = openChat();
    store.fill("lobby", 30, "x".repeat(8_000));
    const member = await FakeClient.in(chat, "lobby");
    store.rooms.clear();
    const client = await FakeClient.greeted(chat);
    const joined = await client.ask({ type: "join", room: "lobby" });
    expect(joined).toMatchObject({ type: "joined", recovered: true, messages: [], more: false });
    expect(member.connection.framesOf("joined").at(-1)).toMatchObject({ recovered: false, messages: [] });
  });

  it("of a room that is joined already is a resync: what is shown live goes on after it", async () => {
    const { log: store, ann } = await inRoom();
    const one = store.store("lobby");
    const again = await ann.ask({ type: "join", room: "lobby", after: one.prev });
    expect(again).toMatchObject({ recovered: true, head: one.id });
    expect(idsOf(again)).toEqual([one.id]);
    const two = store.store("lobby");
    expect(ann.ids).toEqual([one.id, two.id]);
  });

  it("opens a room that has been empty for 10 s anew, and finds one that was just left in memory", async () => {
    const { chat, log: store, ann, ben } = await inRoom();
    ann.leaveAltogether();
    ben.leaveAltogether();
    await FakeClient.in(chat, "lobby").then((client) => client.leaveAltogether());
    expect(store.reads).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(store.calls).toContain("unsubscribe lobby");
    store.store("lobby", { text: "unheard" });
    const client = await FakeClient.greeted(chat);
    expect(textsOf(await client.ask({ type: "join", room: "lobby" })).at(-1)).toBe("unheard");
  });
});

describe("one room", () => {
  it("broadcasts one order to all members, whatever is lost, doubled or reordered", async () => {
    const { log: store, ann, ben } = await inRoom();
    for (let round = 0; round < 60; round += 1) {
      const entries = store.fill("lobby", 1 + (round % 4));
      if (round % 3 === 0) entries.reverse();
      for (const [i, entry] of entries.entries()) {
        if ((round + i) % 5 !== 0) store.publish("lobby", entry.frame);
        if (round % 7 === 0) store.publish("lobby", entry.frame);
      }
      if (round % 2 === 0) await settle(1);
    }
    store.store("lobby");
    await settle();
    expectUnbroken(linked(ann));
    expect(ann.ids).toEqual(ben.ids);
    expect(ann.ids).toEqual(
      store
        .entries("lobby")
        .slice(3)
        .map(({ id }) => id),
    );
    expect([...ann.ids].sort((a, b) => compareIds(String(a), String(b)))).toEqual(ann.ids);
  });
});
