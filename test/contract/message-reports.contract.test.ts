import { describe, expect, it } from "vitest";
import { MAX_REPORTS, type NewReport, OPEN_REPORTS } from "../../src/store/message-reports.ts";
import { type MessageStore, StoreUnavailable } from "../../src/store/store.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { BOTH_STORES } from "./both-stores.ts";
import { begin, newReport, ROOMY } from "./open-store.ts";

const NETWORK = "198.51.100.7";

const bySite = (user: string) => ({ user, handle: user, kind: "site" }) as const;
const byGuest = (user: string) => ({ user, handle: user, kind: "guest" }) as const;

describe.each(BOTH_STORES)("the reports of messages of the $kind store", ({ make }) => {
  async function open(): Promise<MessageStore> {
    const store = make({ ...ROOMY });
    afterwards(() => store.close());
    await begin(store);
    return store;
  }

  async function added(
    store: MessageStore,
    rest: Partial<NewReport> = {},
    network?: string,
  ): Promise<string> {
    const outcome = await store.addReport(newReport(rest), network);
    if (outcome.outcome !== "stored") throw new Error(`not stored but ${JSON.stringify(outcome)}`);
    return outcome.id;
  }

  async function messagesOf(store: MessageStore, before?: string, count = MAX_REPORTS): Promise<string[]> {
    return (await store.messageReports(before, count)).map(({ message }) => message);
  }

  it("come back as they were made, with the store's time", async () => {
    const store = await open();
    const before = Math.floor(store.now());
    const report = newReport({ reason: 'says "spam"', text: "{ 1 2 <b>" });
    const id = await added(store, report);
    const [kept] = await store.messageReports(undefined, 10);
    expect(kept).toEqual({ ...report, id, at: expect.any(Number) });
    expect(Math.abs((kept?.at ?? 0) - before)).toBeLessThan(10_000);
    expect(await store.messageReport(id)).toEqual(kept);
    expect(await store.messageReport("1")).toBeUndefined();
  });

  it("come newest first, in pages", async () => {
    const store = await open();
    const ids: string[] = [];
    for (const message of ["1-1", "1-2", "1-3", "1-4"]) ids.push(await added(store, { message }));
    expect(await messagesOf(store)).toEqual(["1-4", "1-3", "1-2", "1-1"]);
    expect(await messagesOf(store, undefined, 2)).toEqual(["1-4", "1-3"]);
    expect(await messagesOf(store, ids[2], 1)).toEqual(["1-2"]);
    expect(await messagesOf(store, ids[0])).toEqual([]);
  });

  it("are kept once per user and message", async () => {
    const store = await open();
    const id = await added(store, { message: "1-1" });
    const again = await store.addReport(newReport({ message: "1-1", reason: "again" }), undefined);
    expect(again).toEqual({ outcome: "duplicate", id });
    await added(store, { message: "1-1", by: bySite("cleo") });
    await added(store, { message: "1-2" });
    await added(store, { message: "1-1", room: "attic" });
    expect(await messagesOf(store)).toEqual(["1-1", "1-2", "1-1", "1-1"]);
    expect((await store.messageReports(undefined, 10)).at(-1)?.reason).toBeUndefined();
  });

  it("are dismissed once, and the message may be reported again", async () => {
    const store = await open();
    const first = await added(store, { message: "1-1" });
    await added(store, { message: "1-2" });
    expect(await store.dismissReport(first)).toBe(true);
    expect(await store.dismissReport(first)).toBe(false);
    expect(await messagesOf(store)).toEqual(["1-2"]);
    const second = await added(store, { message: "1-1" });
    expect(Number(second)).toBeGreaterThan(Number(first));
  });

  it("are limited per user, until one is dismissed", async () => {
    const store = await open();
    const ids: string[] = [];
    for (let n = 0; n < OPEN_REPORTS.user; n += 1) ids.push(await added(store, { message: `1-${n}` }));
    const one = newReport({ message: "2-1" });
    expect(await store.addReport(one, undefined)).toEqual({ outcome: "too-many", of: "user" });
    await added(store, { message: "2-1", by: bySite("cleo") });
    await store.dismissReport(ids[3] ?? "");
    await added(store, one);
    expect(await store.addReport(newReport({ message: "2-2" }), undefined)).toEqual({
      outcome: "too-many",
      of: "user",
    });
  });

  it("are limited for all guests of a network together, and for nobody else", async () => {
    const store = await open();
    const ids: string[] = [];
    for (let n = 0; n < OPEN_REPORTS.network; n += 1)
      ids.push(await added(store, { by: byGuest(`g${n}`) }, NETWORK));
    const one = newReport({ by: byGuest("g-new") });
    expect(await store.addReport(one, NETWORK)).toEqual({ outcome: "too-many", of: "network" });
    await added(store, { by: byGuest("g-else") }, "203.0.113.9");
    await added(store);
    await store.dismissReport(ids[0] ?? "");
    await added(store, one, NETWORK);
  });

  it("are bounded: the oldest goes, those of guests before any other, and for a guest none but those", async () => {
    const store = await open();
    await added(store, { message: "1-0", by: bySite("first") });
    await added(store, { message: "1-1", by: byGuest("g1") }, NETWORK);
    await added(store, { message: "1-2", by: byGuest("g2") }, NETWORK);
    for (let n = 0; n < MAX_REPORTS - 3; n += 1) await added(store, { message: "2-1", by: bySite(`s${n}`) });
    expect(await messagesOf(store)).toHaveLength(MAX_REPORTS);
    await added(store, { message: "3-1", by: bySite("last") });
    await added(store, { message: "3-2", by: byGuest("g3") }, NETWORK);
    const kept = await messagesOf(store);
    expect(kept).toHaveLength(MAX_REPORTS);
    expect(kept.slice(0, 2)).toEqual(["3-2", "3-1"]);
    expect(kept.slice(-2)).toEqual(["2-1", "1-0"]);
    await added(store, { message: "3-3", by: bySite("last") });
    expect((await messagesOf(store)).slice(0, 2)).toEqual(["3-3", "3-1"]);
    const one = newReport({ by: byGuest("g4") });
    expect(await store.addReport(one, NETWORK)).toEqual({ outcome: "storage-full" });
    const all = await store.messageReports(undefined, MAX_REPORTS);
    expect(new Set(all.map(({ by }) => by.kind))).toEqual(new Set(["site"]));
    for (const { id } of all.slice(-OPEN_REPORTS.network)) await store.dismissReport(id);
    // What was dropped counts for nobody any more.
    for (let n = 0; n < OPEN_REPORTS.network; n += 1) await added(store, { by: byGuest(`g-${n}`) }, NETWORK);
  });

  it("cannot be made or read once the store is closed", async () => {
    const store = await open();
    await store.close();
    expect(await store.addReport(newReport(), undefined)).toEqual({ outcome: "unavailable" });
    await expect(store.messageReports(undefined, 1)).rejects.toThrow(StoreUnavailable);
    await expect(store.messageReport("1")).rejects.toThrow(StoreUnavailable);
    await expect(store.dismissReport("1")).rejects.toThrow(StoreUnavailable);
  });
});
