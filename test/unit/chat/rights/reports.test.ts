import { afterEach, describe, expect, it, vi } from "vitest";
import type { Chat } from "../../../../src/chat/chat.ts";
import { guestIdentity, type UserKind } from "../../../../src/chat/identity.ts";
import {
  type MessageReporter,
  REPORTS_LISTED,
  type ReportReader,
} from "../../../../src/chat/rights/reports.ts";
import { RoomPatterns } from "../../../../src/chat/rights/room-patterns.ts";
import { Forbidden } from "../../../../src/chat/rights/visitor.ts";
import type { Right } from "../../../../src/protocol/rights.ts";
import { FakeClient, openChat } from "../../../kit/fakes/fake-client.ts";
import type { FakeStore } from "../../../kit/fakes/fake-store.ts";

afterEach(() => {
  vi.useRealTimers();
});

function reporter(user = "s-ben", kind: UserKind = "site", network = "192.0.2.1"): MessageReporter {
  return { identity: { ...guestIdentity(user), kind }, base: "write", network, handle: "Ben 2" };
}

/** A program with these rights, who reads reports. */
function desk(rights: readonly (readonly [string, "read" | "moderate"])[] = [["*", "moderate"]]) {
  const rooms = new RoomPatterns<Right>(rights);
  return { identity: { ...guestIdentity("p-desk"), kind: "program" as const, rooms }, network: "192.0.2.9" };
}

/** What the desk sees. */
async function seen(chat: Chat, query: object = {}, reader: ReportReader = desk()) {
  const listed = await chat.reports.list(reader, query);
  if (!listed.ok) throw new Error(listed.error.message);
  return listed.value;
}

/** Shuts a user out, as another process does, when the store is asked the next time. */
function shutOutMeanwhile(store: FakeStore, user: string): void {
  store.meanwhile = () => {
    const rule = {
      right: "none",
      until: undefined,
      by: "m",
      bindsModerators: true,
      reason: undefined,
    } as const;
    store.access.change({ ...rule, subject: user }, "9999-1");
  };
}

describe("a report", () => {
  it("keeps the message as it was, who reported it, and why", async () => {
    const { chat, log: store } = openChat();
    const { id } = store.store("lobby", { text: "<b>buy</b>", user: "gEve" });
    const made = await chat.reports.report(reporter(), "lobby", { id, reason: "  spam \n" });
    store.trim("lobby", 1);
    const { reports, more } = await seen(chat);
    expect(reports).toEqual([
      {
        id: made.ok && made.value.id,
        at: expect.any(Number),
        room: "lobby",
        message: id,
        user: "gEve",
        handle: "Someone",
        text: "<b>buy</b>",
        by: { user: "s-ben", handle: "Ben 2", kind: "site" },
        reason: "spam",
      },
    ]);
    expect(more).toBe(false);
  });

  it("keeps 500 code points of a longer message", async () => {
    const { chat, log: store } = openChat();
    await chat.reports.report(reporter(), "lobby", {
      id: store.store("lobby", { text: "🙂".repeat(500) }).id,
    });
    await chat.reports.report(reporter(), "lobby", {
      id: store.store("lobby", { text: "🙂".repeat(501) }).id,
    });
    const { reports } = await seen(chat);
    expect(reports.map(({ text }) => text)).toEqual([`${"🙂".repeat(500)}…`, "🙂".repeat(500)]);
  });

  it.each([
    ["that was never stored", "1-1"],
    ["before which one is stored", "0-0"],
    ["that is written in another way", "01-1"],
  ])("of a message %s is refused", async (_case, id) => {
    const { chat, log: store } = openChat();
    store.store("lobby", { id: "5-5" });
    const refused = await chat.reports.report(reporter(), "lobby", { id });
    expect(refused).toMatchObject({ ok: false, error: { code: "not-found" } });
    expect(store.reports.before(undefined, 10, 0)).toEqual([]);
  });

  it("of an entry that is no message is refused", async () => {
    const { chat, log: store } = openChat();
    const rule = {
      right: "read",
      until: undefined,
      by: "m",
      bindsModerators: false,
      reason: undefined,
    } as const;
    await store.changeAccess("lobby", { ...rule, subject: "gEve" });
    const body = '"type":"poll","room":"lobby","user":"gEve","handle":"Eve","text":"yes or no"}';
    await store.append({ room: "lobby", user: "gEve", key: undefined, body });
    for (const { id } of store.entries("lobby")) {
      const refused = await chat.reports.report(reporter(), "lobby", { id });
      expect(refused).toMatchObject({ ok: false, error: { code: "not-found" } });
    }
  });

  it("is refused if the user is shut out while the message is read, also where the room is open", async () => {
    const { chat, log: store } = openChat();
    const { id } = store.store("attic");
    await FakeClient.in(chat, "lobby");
    const open = store.store("lobby").id;
    shutOutMeanwhile(store, "s-ben");
    await expect(chat.reports.report(reporter(), "attic", { id })).rejects.toThrow(Forbidden);
    await expect(chat.reports.report(reporter(), "lobby", { id: open })).rejects.toThrow(Forbidden);
    // What is not there is told to nobody who may not read.
    await expect(chat.reports.report(reporter(), "attic", { id: "1-1" })).rejects.toThrow(Forbidden);
    expect(store.reports.before(undefined, 10, 0)).toEqual([]);
  });

  it.each(["", "  ", "x".repeat(201)])("has a reason of 1 to 200 characters, not %j", async (reason) => {
    const { chat, log: store } = openChat();
    const { id } = store.store("lobby");
    const refused = await chat.reports.report(reporter(), "lobby", { id, reason });
    expect(refused).toMatchObject({ ok: false, error: { code: expect.stringMatching(/^text-/) } });
    expect(store.reads).toEqual([]);
  });

  it("leaves one line in the log, without the text and the reason; the same one again none", async () => {
    const { chat, log: store, logger } = openChat();
    const { id } = store.store("lobby", { text: "secret words", user: "gEve" });
    const request = { id, reason: "secret reason" };
    const first = await chat.reports.report(reporter(), "lobby", request);
    const again = await chat.reports.report(reporter(), "lobby", request);
    const report = first.ok ? first.value.id : "";
    expect(again).toEqual({ ok: true, value: { id: report, duplicate: true } });
    await chat.reports.dismiss(desk(), report);
    const lines = logger.lines.filter(({ fields }) => "by" in fields);
    const what = { report, room: "lobby", message: id, user: "gEve" };
    expect(lines.map(({ fields }) => fields)).toEqual([
      { event: "report", ...what, by: "s-ben" },
      { event: "report-dismissed", ...what, by: "p-desk" },
    ]);
    expect(JSON.stringify(logger.lines)).not.toContain("secret");
  });

  it.each([
    [{ outcome: "storage-full" }, "storage-full"],
    [{ outcome: "unavailable" }, "unavailable"],
    [{ outcome: "too-many", of: "user" }, "rate-limited"],
    [{ outcome: "too-many", of: "network" }, "rate-limited"],
  ] as const)("that the store answers with %j is refused with %s", async (outcome, code) => {
    const { chat, log: store, logger } = openChat();
    const { id } = store.store("lobby");
    store.reportAnswers.push(outcome);
    const refused = await chat.reports.report(reporter(), "lobby", { id });
    expect(refused).toMatchObject({ ok: false, error: { code } });
    expect(chat.counters.limited.get("reports") ?? 0).toBe(code === "rate-limited" ? 1 : 0);
    expect(logger.lines.some(({ fields }) => "by" in fields)).toBe(false);
  });
});

describe("reports", () => {
  it("of one user are ten at once and ten per minute, whatever becomes of them", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const { chat, log: store } = openChat();
    const report = () => chat.reports.report(reporter(), "lobby", { id: "1-1" });
    for (let n = 0; n < 10; n += 1) expect(await report()).toMatchObject({ error: { code: "not-found" } });
    const reads = store.reads.length;
    expect(await report()).toMatchObject({ error: { code: "rate-limited", retryAfterMs: 6_000 } });
    expect(store.reads).toHaveLength(reads);
    expect(chat.counters.limited.get("reports")).toBe(1);
    vi.advanceTimersByTime(6_000);
    chat.reports.sweep(performance.now());
    expect(await report()).toMatchObject({ error: { code: "not-found" } });
    expect(await report()).toMatchObject({ error: { code: "rate-limited" } });
  });

  it("of all guests of a network are thirty at once, which limits nobody else", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const { chat } = openChat();
    const report = (who: MessageReporter) => chat.reports.report(who, "lobby", { id: "1-1" });
    for (let n = 0; n < 30; n += 1)
      expect(await report(reporter(`g${n}`, "guest"))).toMatchObject({ error: { code: "not-found" } });
    expect(await report(reporter("g-new", "guest"))).toMatchObject({
      error: { code: "rate-limited", message: expect.stringContaining("your address") },
    });
    for (const other of [reporter("g-else", "guest", "192.0.2.2"), reporter("s-ann", "site")])
      expect(await report(other)).toMatchObject({ error: { code: "not-found" } });
  });

  it("of guests are counted by their network in the store, those of others are not", async () => {
    const { chat, log: store } = openChat();
    const { id } = store.store("lobby");
    const add = vi.spyOn(store, "addReport");
    await chat.reports.report(reporter("gBen", "guest"), "lobby", { id });
    await chat.reports.report(reporter("s-ben", "site"), "lobby", { id });
    expect(add.mock.calls.map(([, network]) => network)).toEqual(["192.0.2.1", undefined]);
  });

  it("are listed to those who may moderate their rooms now, page by page", async () => {
    const { chat, log: store } = openChat();
    for (let n = 0; n < 2 * REPORTS_LISTED + 1; n += 1) {
      const room = n % 2 === 0 ? "lobby" : "attic";
      await chat.reports.report(reporter(`s-${n}`), room, { id: store.store(room, { text: `${n}` }).id });
    }
    const textsIn = (page: Awaited<ReturnType<typeof seen>>) => page.reports.map(({ text }) => Number(text));
    const lobby = desk([
      ["lobby", "moderate"],
      ["*", "read"],
    ]);
    const first = await seen(chat, {}, lobby);
    expect([textsIn(first).length, first.more]).toEqual([REPORTS_LISTED, true]);
    expect(textsIn(first).slice(0, 2)).toEqual([100, 98]);
    const rest = await seen(chat, { before: first.reports.at(-1)?.id }, lobby);
    expect([textsIn(rest), rest.more]).toEqual([[0], false]);
    const attic = await seen(chat, { room: "attic" });
    expect([textsIn(attic).length, textsIn(attic)[0], attic.more]).toEqual([REPORTS_LISTED, 99, false]);
    expect((await seen(chat, {}, desk([["*", "read"]]))).reports).toEqual([]);
    expect(await chat.reports.list(lobby, { room: "attic" })).toMatchObject({
      error: { code: "forbidden" },
    });
    store.meanwhile = () => undefined;
    shutOutMeanwhile(store, "p-desk");
    expect((await seen(chat)).reports).toEqual([]);
  });

  it("are dismissed by those who may moderate the room, and are there for nobody else", async () => {
    const { chat, log: store } = openChat();
    const made = await chat.reports.report(reporter(), "lobby", { id: store.store("lobby").id });
    const id = made.ok ? made.value.id : "";
    const nothing = { ok: false, error: { code: "not-found", message: "There is no such report." } };
    expect(await chat.reports.dismiss(desk([["*", "read"]]), id)).toEqual(nothing);
    const asked = vi.spyOn(store, "messageReport");
    for (const other of ["1", "", "last", "1".repeat(17)])
      expect(await chat.reports.dismiss(desk(), other)).toEqual(nothing);
    expect(asked.mock.calls).toEqual([["1"]]);
    expect((await seen(chat)).reports).toHaveLength(1);
    expect(await chat.reports.dismiss(desk(), id)).toMatchObject({ ok: true, value: { id } });
    expect(await chat.reports.dismiss(desk(), id)).toEqual(nothing);
    expect((await seen(chat)).reports).toEqual([]);
  });

  it("of one room only are read by users of whom the embedding app decides", async () => {
    const asked: string[] = [];
    const { chat, log: store } = openChat({}, undefined, undefined, async ({ rooms }) => {
      asked.push(...rooms);
      return Object.fromEntries(rooms.map((room) => [room, "moderate"]));
    });
    for (const room of ["lobby", "attic"])
      await chat.reports.report(reporter(), room, { id: store.store(room).id });
    const ann = { identity: { ...guestIdentity("s-ann"), kind: "site" as const }, network: "192.0.2.3" };
    expect(await chat.reports.list(ann, {})).toMatchObject({ error: { code: "bad-request" } });
    expect(asked).toEqual([]);
    expect((await seen(chat, { room: "attic" }, ann)).reports).toHaveLength(1);
    expect(asked).toEqual(["attic"]);
    expect((await seen(chat)).reports).toHaveLength(2);
  });
});

describe("a v1 client", () => {
  it("reports a message of a room that it has joined, by the handle that the room gave it", async () => {
    const { chat, log: store } = openChat();
    const { id } = store.store("lobby");
    const client = await FakeClient.greeted(chat, "Ben");
    store.settled.set(client.guest, "Ben 2");
    const request = { type: "report", room: "lobby", id };
    expect(await client.ask(request)).toMatchObject({ code: "not-joined" });
    await client.ask({ type: "join", room: "lobby" });
    expect(await client.ask(request)).toEqual({ type: "ok", ref: 4 });
    expect(await client.ask(request)).toEqual({ type: "ok", ref: 5 });
    expect(await client.ask({ ...request, id: "1-1" })).toMatchObject({
      type: "error",
      code: "not-found",
      message: "There is no such message in lobby.",
    });
    const { reports } = await seen(chat);
    expect(reports.map(({ by }) => by)).toEqual([{ user: client.guest, handle: "Ben 2", kind: "guest" }]);
  });

  it.each([{ id: "no id" }, { id: "1-1", reason: 7 }, {}])(
    "is told what is wrong with %j",
    async (fields) => {
      const { chat } = openChat();
      const client = await FakeClient.in(chat, "lobby");
      expect(await client.ask({ type: "report", room: "lobby", ...fields })).toMatchObject({
        code: "bad-request",
      });
    },
  );

  it("that was shut out a moment ago reports nothing", async () => {
    const { chat, log: store } = openChat();
    const { id } = store.store("lobby");
    const client = await FakeClient.in(chat, "lobby");
    shutOutMeanwhile(store, client.guest);
    expect(await client.ask({ type: "report", room: "lobby", id })).toMatchObject({ code: "forbidden" });
  });
});
