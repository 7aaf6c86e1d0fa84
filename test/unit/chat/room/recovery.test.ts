import { describe, expect, it } from "vitest";
import { BEGINNING } from "../../../../src/protocol/ids.ts";
import { expectUnbroken } from "../../../kit/chain.ts";
import { FakeClient, idsOf, messagesOf, openChat, settle, textsOf } from "../../../kit/fakes/fake-client.ts";
import type { Out } from "../../../kit/fakes/fake-connection.ts";

const LIMIT = 50;

/** A room with `count` messages, and a client that returns to it. */
async function returning(count: number, options = {}) {
  const { chat, log: store } = openChat(options);
  const entries = store.fill("lobby", count);
  return { chat, log: store, entries, client: await FakeClient.greeted(chat) };
}

function idAt(entries: readonly { id: string }[], index: number): string {
  return entries.at(index)?.id ?? BEGINNING;
}

describe("a client that returns with a cursor", () => {
  it.each([
    ["nothing", 0, 0, false],
    ["one message", 1, 1, false],
    ["as many as it asked for", LIMIT, LIMIT, false],
    ["one more than it asked for", LIMIT + 1, LIMIT, true],
    ["ten times what it asked for", 10 * LIMIT, LIMIT, true],
  ])(
    "and missed %s gets the oldest of it, and is told whether that is all",
    async (_case, missed, got, more) => {
      const { client, log: store, entries } = await returning(missed + 3);
      const after = idAt(entries, 2);
      const joined = await client.ask({ type: "join", room: "lobby", after, limit: LIMIT });
      expect(joined).toMatchObject({ type: "joined", recovered: true, more, head: store.head("lobby") });
      expect(idsOf(joined)).toEqual(entries.slice(3, 3 + got).map(({ id }) => id));
      if (got > 0) expect(messagesOf(joined)[0]?.prev).toBe(after);
    },
  );

  it.each([
    ["nothing", 0],
    ["one message", 1],
    ["a page", LIMIT],
    ["a page and one", LIMIT + 1],
    ["ten pages", 10 * LIMIT],
  ])("and missed %s fetches all of it page by page, while the room goes on", async (_case, missed) => {
    const { client, log: store, entries } = await returning(missed + 1);
    const after = idAt(entries, 0);
    const pages = [await client.ask({ type: "join", room: "lobby", after, limit: LIMIT })];
    store.store("lobby", { text: "live" });
    await settle();
    const { head } = pages[0] ?? {};
    const all = () => pages.flatMap(messagesOf);
    while (pages.at(-1)?.["more"] === true && all().at(-1)?.id !== head) {
      pages.push(await client.ask({ type: "history", room: "lobby", after: all().at(-1)?.id, limit: LIMIT }));
    }
    const fetched = all().filter(({ text }) => text !== "live");
    const live = client.connection
      .framesOf("message")
      .map((frame) => frame as unknown as { id: string; prev: string });
    expect(fetched).toHaveLength(missed);
    expectUnbroken([{ id: after, prev: BEGINNING }, ...fetched, ...live]);
    expect(live).toHaveLength(1);
  });

  it.each([
    ["of which its cursor is the only one missing", 3, true, 3],
    ["together with the one after its cursor", 4, false, 6],
  ])(
    "to a stream whose oldest were trimmed, %s, is told the truth",
    async (_case, trimmed, recovered, got) => {
      const { client, log: store, entries } = await returning(10);
      store.trim("lobby", trimmed);
      const joined = await client.ask({ type: "join", room: "lobby", after: idAt(entries, 2), limit: LIMIT });
      expect(joined["recovered"]).toBe(recovered);
      expect(messagesOf(joined)).toHaveLength(recovered ? 7 : got);
    },
  );

  it.each([
    ["that the store never had", () => "1002-9"],
    ["of another room", (other: string) => other],
    ["from the future", () => "9999999999999-1"],
    ["of the beginning, where the beginning is gone", () => BEGINNING],
  ])("%s gets the newest, and is told that there may be a hole", async (_case, cursorOf) => {
    const { client, log: store, entries } = await returning(300);
    const other = store.store("other", { published: false });
    store.trim("lobby", 1);
    const joined = await client.ask({ type: "join", room: "lobby", after: cursorOf(other.id), limit: LIMIT });
    expect(joined).toMatchObject({ recovered: false, more: true });
    expect(idsOf(joined)).toEqual(entries.slice(-LIMIT).map(({ id }) => id));
  });

  it("gets a whole log by the cursor of the beginning", async () => {
    const { client, entries } = await returning(3);
    const joined = await client.ask({ type: "join", room: "lobby", after: BEGINNING });
    expect(joined).toMatchObject({ recovered: true, more: false });
    expect(idsOf(joined)).toEqual(entries.map(({ id }) => id));
  });

  it("gets two messages of one millisecond, of which a page ended between", async () => {
    const { chat, log: store } = openChat();
    for (const id of ["5-1", "5-2", "5-10", "5-100"])
      store.store("lobby", { id, text: id, published: false });
    const client = await FakeClient.greeted(chat);
    const first = await client.ask({ type: "join", room: "lobby", after: BEGINNING, limit: 2 });
    expect(textsOf(first)).toEqual(["5-1", "5-2"]);
    const rest = await client.ask({ type: "history", room: "lobby", after: "5-2", limit: 2 });
    expect(textsOf(rest)).toEqual(["5-10", "5-100"]);
    const back = await client.ask({ type: "history", room: "lobby", before: "5-10", limit: 1 });
    expect(textsOf(back)).toEqual(["5-2"]);
  });

  it.each([
    ["without a cursor", undefined, true],
    ["with the cursor of the beginning", BEGINNING, true],
    ["with a cursor of what expired", "7-7", false],
  ])("finds an empty room %s", async (_case, after, recovered) => {
    const { client } = await returning(0);
    const joined = await client.ask({
      type: "join",
      room: "lobby",
      ...(after === undefined ? {} : { after }),
    });
    expect(joined).toMatchObject({ recovered, messages: [], more: false, head: BEGINNING });
  });

  it("to a stream that was replaced by an older copy is told, although the room here still held the lost part", async () => {
    const { chat, log: store, client, entries } = await returning(10);
    await client.ask({ type: "join", room: "lobby", after: idAt(entries, 9) });
    store.down();
    store.lose("lobby", 4);
    await store.up();
    const late = await FakeClient.greeted(chat);
    const joined = await late.ask({ type: "join", room: "lobby", after: idAt(entries, 8) });
    expect(joined).toMatchObject({ recovered: false, head: idAt(entries, 5) });
    expect(idsOf(joined)).toEqual(entries.slice(0, 6).map(({ id }) => id));
  });

  it("from a process that was ahead moves the room forward, for its members too", async () => {
    const { chat, log: store, client } = await returning(3);
    await client.ask({ type: "join", room: "lobby" });
    const [first, second] = [
      store.store("lobby", { text: "a", published: false }),
      store.store("lobby", { text: "b", published: false }),
    ];
    const ahead = await FakeClient.greeted(chat);
    const joined = await ahead.ask({ type: "join", room: "lobby", after: second.id });
    expect(joined).toMatchObject({ recovered: true, head: second.id, messages: [] });
    expect(client.ids).toEqual([first.id, second.id]);
  });

  it("and asks for nothing gets nothing, and all that comes after the head", async () => {
    const { client, log: store, entries } = await returning(5);
    const joined = await client.ask({ type: "join", room: "lobby", after: idAt(entries, 1), limit: 0 });
    expect(joined).toMatchObject({ recovered: true, messages: [], more: true, head: idAt(entries, 4) });
    const next = store.store("lobby");
    expect(client.ids).toEqual([next.id]);
  });

  it("to a room of large messages gets them, though one read does not reach to what is in memory", async () => {
    const { chat, log: store } = openChat();
    const entries = store.fill("lobby", 120, "x".repeat(8_000));
    const client = await FakeClient.greeted(chat);
    const joined = await client.ask({ type: "join", room: "lobby", after: idAt(entries, 0), limit: 200 });
    expect(joined).toMatchObject({ type: "joined", recovered: true, more: true });
    expect(messagesOf(joined)[0]?.prev).toBe(idAt(entries, 0));
    expect(messagesOf(joined).length).toBeGreaterThan(20);
  });
});

describe("an answer that carries messages", () => {
  async function answers(): Promise<Record<"newest" | "behind" | "before" | "after", Out>> {
    const { chat, log: store } = openChat();
    const entries = store.fill("lobby", 120, "\u{1f600}".repeat(2_000));
    const client = await FakeClient.greeted(chat);
    const newest = await client.ask({ type: "join", room: "lobby", limit: 200 });
    const behind = await client.ask({ type: "join", room: "lobby", after: BEGINNING, limit: 200 });
    const before = await client.ask({
      type: "history",
      room: "lobby",
      before: idAt(entries, 100),
      limit: 200,
    });
    const after = await client.ask({ type: "history", room: "lobby", after: BEGINNING, limit: 200 });
    return { newest, behind, before, after };
  }

  it("is never larger than 256 KiB, and says that there is more", async () => {
    for (const [which, answer] of Object.entries(await answers())) {
      const bytes = Buffer.byteLength(JSON.stringify(answer));
      expect(bytes, which).toBeLessThanOrEqual(256 * 1024);
      expect(bytes, which).toBeGreaterThan(190 * 1024);
      expect(answer["more"], which).toBe(true);
      expectUnbroken(messagesOf(answer), which);
    }
  });

  it("is never larger, though a crowd of people stands beside many messages", async () => {
    const { chat, log: store } = openChat();
    store.fill("lobby", 300, "x".repeat(1_200));
    const client = await FakeClient.in(chat, "lobby");
    for (let i = 0; i < 199; i += 1) {
      const person = { id: `${i}`.padEnd(64, "x"), handle: `\u{1f600}${i}`.padEnd(33, "\u{4e00}") };
      store.publish("lobby", Buffer.from(JSON.stringify({ type: "enter", instance: "elsewhere", person })));
    }
    const joined = await client.ask({ type: "join", room: "lobby", limit: 200 });
    expect(joined).toMatchObject({ present: { count: 200 }, more: true });
    expect(Buffer.byteLength(JSON.stringify(joined))).toBeLessThanOrEqual(256 * 1024);
  });

  it("waits until less than 64 KiB wait for the client", async () => {
    const { chat, log: store } = openChat();
    store.fill("lobby", 3);
    const client = await FakeClient.in(chat, "lobby");
    client.connection.waiting = 64 * 1024;
    const asked = [
      client.request({ type: "history", room: "lobby" }),
      client.request({ type: "join", room: "other" }),
    ];
    await settle();
    expect(asked.map((ref) => client.answer(ref))).toEqual([undefined, undefined]);
    client.connection.waiting = 64 * 1024 - 1;
    await settle();
    expect(asked.map((ref) => client.answer(ref)?.type)).toEqual(["history", "joined"]);
  });
});
