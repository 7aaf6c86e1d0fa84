import { describe, expect, it } from "vitest";
import type { Right } from "../../src/protocol/rights.ts";
import {
  ALL_ROOMS,
  type Grant,
  MAX_ACCESS_RULES,
  networkSubject,
  signOutSubject,
} from "../../src/store/access.ts";
import { type MessageStore, StoreUnavailable } from "../../src/store/store.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { BOTH_STORES } from "./both-stores.ts";
import { ALL, begin, change, message, ROOMY, storeMessage, subscribe, textsOf } from "./open-store.ts";

const HOUR = 3_600_000;

describe.each(BOTH_STORES)("the access rules of the $kind store", ({ make }) => {
  async function open() {
    const store = make({ ...ROOMY });
    afterwards(() => store.close());
    const listener = await begin(store);
    return { store, listener };
  }

  async function changed(store: MessageStore, rest: Parameters<typeof change>[0] = {}): Promise<string> {
    const outcome = await store.changeAccess("lobby", change(rest));
    if (outcome.outcome !== "stored") throw new Error(`not changed but ${outcome.outcome}`);
    return outcome.id;
  }

  const refused = (right: string) => ({ outcome: "forbidden", right });

  it("are told as an entry of the room, whose frame says neither who nor what", async () => {
    const { store, listener } = await open();
    await subscribe(store, "lobby");
    const before = await storeMessage(store, "before");
    const rule = change({ reason: 'says "spam", and worse', until: Math.floor(store.now()) + HOUR });
    const id = await changed(store, rule);
    const after = await storeMessage(store, "after", { user: "ben" });
    await waitFor(() => listener.deliveries.length === 3, "all three arrive");
    const frame = { id, prev: before, type: "access", room: "lobby" };
    const [, entry, next] = await store.readFrom("lobby", "0-0", ALL);
    expect(JSON.parse(String(entry?.frame))).toEqual(frame);
    expect(entry?.access).toEqual(rule);
    expect([next?.id, next?.prev]).toEqual([after, id]);
    const { payload, access } = listener.deliveries[1] ?? {};
    expect([payload?.toString(), access]).toEqual([entry?.frame.toString(), rule]);
    expect(listener.unverifieds).toEqual([]);
  });

  it("hold for the user, in that room, from the next message on", async () => {
    const { store } = await open();
    await changed(store);
    expect(await store.append(message("no"))).toEqual(refused("none"));
    await storeMessage(store, "of ben", { user: "ben" });
    await storeMessage(store, "of ann", { room: "attic" });
    await changed(store, { right: "read" });
    expect(await store.append(message("no"))).toEqual(refused("read"));
    await changed(store, { right: "write" });
    await storeMessage(store, "again");
    expect(await textsOf(store)).toEqual([undefined, "of ben", undefined, undefined, "again"]);
  });

  it("are taken back", async () => {
    const { store } = await open();
    await changed(store);
    await changed(store, { right: undefined });
    await storeMessage(store, "again");
    expect(await store.accessRules("lobby")).toEqual([]);
  });

  it("end by the store's clock", async () => {
    const { store } = await open();
    await changed(store, { right: "read", until: store.now() + 150 });
    expect(await store.append(message("no"))).toEqual(refused("read"));
    const isStored = async () => (await store.append(message("later"))).outcome === "stored";
    await waitFor(isStored, "the rule has ended");
  });

  it("lock a room for everybody, except users who may moderate", async () => {
    const { store } = await open();
    await changed(store, { subject: "*", right: "read" });
    for (const user of ["ann", "ben", "s-1"])
      expect(await store.append(message("no", { user }))).toEqual(refused("read"));
    await storeMessage(store, "of a moderator", { mayModerate: true });
  });

  it("hold for a user who may moderate only where a program made them", async () => {
    const { store } = await open();
    await changed(store, { bindsModerators: true });
    expect(await store.append(message("no", { mayModerate: true }))).toEqual(refused("none"));
    await changed(store, { bindsModerators: false });
    await storeMessage(store, "yes", { mayModerate: true });
  });

  it("hold for the guests of an address, whoever they are, and for no other user there", async () => {
    const { store } = await open();
    const subject = networkSubject("abcdefgh");
    const guest = { network: "198.51.100.7", subject };
    await changed(store, { subject });
    for (const user of ["g1", "g2"])
      expect(await store.append(message("no", { user, guest }))).toEqual(refused("none"));
    await storeMessage(store, "elsewhere", {
      user: "g1",
      guest: { ...guest, subject: networkSubject("other") },
    });
    await storeMessage(store, "of the site", { user: "s-1" });
  });

  it("do not hide that a message was stored before", async () => {
    const { store } = await open();
    const id = await storeMessage(store, "said", { key: "k" });
    await changed(store);
    expect(await store.append(message("said", { key: "k" }))).toEqual({ outcome: "duplicate", id });
  });

  it("count nothing of a user's rate", async () => {
    const store = make({ ...ROOMY, messagesPerSecond: 0.001, messageBurst: 1 });
    afterwards(() => store.close());
    await begin(store);
    await changed(store);
    for (let i = 0; i < 5; i += 1) expect(await store.append(message("no"))).toEqual(refused("none"));
    await changed(store, { right: undefined });
    await storeMessage(store, "the only one");
  });

  it("are read with who made them, when they end and why", async () => {
    const { store } = await open();
    const until = Math.floor(store.now()) + HOUR;
    const id = await changed(store, { until, by: "p-desk", bindsModerators: true, reason: "spam" });
    const rule = { ...change({ until, by: "p-desk", bindsModerators: true, reason: "spam" }), id };
    expect(await store.accessRules("lobby")).toEqual([rule]);
    expect(await store.accessRulesOf("lobby", ["ben", "ann", "*"])).toEqual([undefined, rule, undefined]);
    expect(await store.accessRules("attic")).toEqual([]);
  });

  it("are bounded, and those that have ended are removed first", async () => {
    const { store } = await open();
    const fill = Array.from({ length: MAX_ACCESS_RULES }, (_, i) =>
      store.changeAccess("lobby", change({ subject: `u${i}` })),
    );
    await Promise.all(fill);
    expect(await store.changeAccess("lobby", change())).toEqual({ outcome: "too-many" });
    const soon = store.now() + 50;
    await changed(store, { subject: "u3", until: soon });
    await waitFor(() => store.now() > soon + 1, "one has ended");
    await changed(store);
    expect(await store.accessRules("lobby")).toHaveLength(MAX_ACCESS_RULES);
  });

  it("cannot be changed or read once the store is closed", async () => {
    const { store } = await open();
    await store.close();
    expect(await store.changeAccess("lobby", change())).toEqual({ outcome: "unavailable" });
    await expect(store.accessRules("lobby")).rejects.toThrow(StoreUnavailable);
    await expect(store.accessRulesOf("lobby", ["ann"])).rejects.toThrow(StoreUnavailable);
  });
});

function granted(rights: Readonly<Record<string, Right>>, at: number): Map<string, Grant> {
  return new Map(Object.entries(rights).map(([user, right]) => [user, { right, at }]));
}

describe.each(BOTH_STORES)("the rules for all rooms of the $kind store", ({ make }) => {
  async function open() {
    const store = make({ ...ROOMY });
    afterwards(() => store.close());
    await begin(store);
    return store;
  }

  const say = (store: MessageStore, room: string, rest: Parameters<typeof message>[1] = {}) =>
    store.append(message("hello", { room, ...rest }));

  it("refuse a message in every room, by the process's word or not, until they are taken back or have ended", async () => {
    const store = await open();
    await store.changeAccess(ALL_ROOMS, change({ subject: "ann", right: "read" }));
    for (const room of ["lobby", "attic"])
      expect(await say(store, room)).toEqual({ outcome: "forbidden", right: "read" });
    expect(await say(store, "lobby", { user: "ben" })).toMatchObject({ outcome: "stored" });
    expect(await say(store, "lobby", { mayModerate: true })).toMatchObject({ outcome: "stored" });
    await store.changeAccess(ALL_ROOMS, change({ subject: "ann", right: undefined }));
    expect(await say(store, "attic")).toMatchObject({ outcome: "stored" });
    await store.changeAccess(ALL_ROOMS, change({ subject: "ann", right: "none", until: store.now() - 1 }));
    expect(await say(store, "attic")).toMatchObject({ outcome: "stored" });
  });

  it("hold besides the room's, of which the lower one counts", async () => {
    const store = await open();
    await store.changeAccess(ALL_ROOMS, change({ subject: "*", right: "write" }));
    await store.changeAccess("lobby", change({ subject: "ann", right: "none" }));
    expect(await say(store, "lobby")).toEqual({ outcome: "forbidden", right: "none" });
    expect(await say(store, "attic")).toMatchObject({ outcome: "stored" });
  });

  it("shut out the guests of a network", async () => {
    const store = await open();
    await store.changeAccess(ALL_ROOMS, change({ subject: networkSubject("net"), right: "none" }));
    const guest = { network: "192.0.2.1", subject: networkSubject("net") };
    expect(await say(store, "lobby", { user: "g1", guest })).toEqual({ outcome: "forbidden", right: "none" });
    expect(await say(store, "lobby")).toMatchObject({ outcome: "stored" });
  });

  it("have a place of their own beside the marks of sign-outs, of which there may be many", async () => {
    const store = await open();
    const marks = Array.from({ length: MAX_ACCESS_RULES + 1 }, (_, n) =>
      store.changeAccess(ALL_ROOMS, change({ subject: signOutSubject(`s-${n}`), right: "moderate" })),
    );
    expect((await Promise.all(marks)).every(({ outcome }) => outcome === "stored")).toBe(true);
    expect(await store.changeAccess(ALL_ROOMS, change({ subject: "ann", right: "read" }))).toMatchObject({
      outcome: "stored",
    });
    expect(await store.accessRules(ALL_ROOMS)).toHaveLength(MAX_ACCESS_RULES + 2);
    await store.changeAccess(ALL_ROOMS, change({ subject: signOutSubject("s-1"), right: undefined }));
    expect(await store.accessRules(ALL_ROOMS)).toHaveLength(MAX_ACCESS_RULES + 1);
    expect(await say(store, "lobby")).toEqual({ outcome: "forbidden", right: "read" });
  });

  it("are in no list of rooms", async () => {
    const store = await open();
    await store.changeAccess(ALL_ROOMS, change({ subject: "ann", right: "read" }));
    await say(store, "lobby", { user: "ben" });
    await waitFor(async () => (await store.recentRooms(10)).length > 0, "the room is listed");
    expect(await store.recentRooms(10)).toMatchObject([{ room: "lobby" }]);
  });
});

describe.each(BOTH_STORES)("what the $kind store remembers of granted rights", ({ make }) => {
  async function open() {
    const store = make({ ...ROOMY });
    afterwards(() => store.close());
    const listener = await begin(store);
    return { store, listener };
  }

  it("is by user and room, the last one", async () => {
    const { store } = await open();
    await store.grant("lobby", granted({ ann: "write", ben: "read" }, store.now()));
    await store.grant("lobby", granted({ ann: "moderate" }, store.now()));
    await store.grant("lobby", new Map());
    const of = async (room: string, user: string) => (await store.grantOf(room, user))?.right;
    expect(await Promise.all([of("lobby", "ann"), of("lobby", "ben"), of("attic", "ann")])).toEqual([
      "moderate",
      "read",
      undefined,
    ]);
  });

  it.each([
    ["ann", [undefined, "read"]],
    ["*", [undefined, undefined]],
  ])(
    "is forgotten when rights are to be asked for again (%s), which changes no rule",
    async (subject, left) => {
      const { store, listener } = await open();
      await subscribe(store, "lobby");
      const before = store.now() - 1;
      await store.grant("lobby", granted({ ann: "write", ben: "read" }, before));
      await store.changeAccess("lobby", change({ subject: "ann", right: "read" }));
      await store.changeAccess("lobby", change({ subject, right: undefined, recheck: true }));
      // An answer that was under way, and one of a process that has not heard of it yet.
      await store.grant("lobby", granted({ ann: "write" }, before));
      const rights = async () => {
        const grants = await Promise.all(["ann", "ben"].map((user) => store.grantOf("lobby", user)));
        return grants.map((grant) => grant?.right);
      };
      expect(await rights()).toEqual(left);
      // The process knows the store's clock as it was a little while ago.
      await store.grant("lobby", granted({ ann: "moderate" }, store.now() + 60_000));
      expect(await rights()).toEqual(["moderate", left[1]]);
      expect(await store.accessRules("lobby")).toMatchObject([{ subject: "ann", right: "read" }]);
      await waitFor(() => listener.deliveries.length === 2, "both entries arrive");
      expect(listener.deliveries[1]?.access).toMatchObject({ subject, recheck: true });
    },
  );
});
