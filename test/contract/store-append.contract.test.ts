import { describe, expect, it } from "vitest";
import { BEGINNING, compareIds, isMessageId, timeOf } from "../../src/protocol/ids.ts";
import type { Append, Appended, MessageStore, StoreLimits } from "../../src/store/store.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { BOTH_STORES } from "./both-stores.ts";
import { ALL, begin, message, type RecordingListener, ROOMY, storeMessage, textsOf } from "./open-store.ts";

describe.each(BOTH_STORES)("the $kind store, storing", ({ make }) => {
  async function open(
    limits: Partial<StoreLimits> = {},
  ): Promise<{ store: MessageStore; listener: RecordingListener }> {
    const store = make({ ...ROOMY, ...limits });
    afterwards(() => store.close());
    return { store, listener: await begin(store) };
  }

  describe("appending", () => {
    it("gives ids that grow, in the order of the calls, and carry the time", async () => {
      const { store } = await open();
      const before = Date.now();
      const ids: string[] = [];
      for (let i = 0; i < 50; i += 1) ids.push(await storeMessage(store, `${i}`));
      expect(ids.every(isMessageId)).toBe(true);
      expect([...ids].sort(compareIds)).toEqual(ids);
      expect(new Set(ids).size).toBe(50);
      expect(timeOf(ids[0]!)).toBeGreaterThanOrEqual(before - 1);
      expect(timeOf(ids[49]!)).toBeLessThanOrEqual(Date.now() + 1);
      expect(await textsOf(store)).toEqual(ids.map((_, i) => `${i}`));
    });

    it("chains every entry to the one before it, from 0-0 on", async () => {
      const { store } = await open();
      await Promise.all(
        Array.from({ length: 40 }, (_, i) => storeMessage(store, `${i}`, { user: `user${i % 3}` })),
      );
      const entries = await store.readFrom("lobby", BEGINNING, ALL);
      expect(entries).toHaveLength(40);
      expect(entries.map(({ prev }) => prev)).toEqual([
        BEGINNING,
        ...entries.slice(0, -1).map(({ id }) => id),
      ]);
    });

    it("makes the frame by putting id and prev before the body, whatever characters that has", async () => {
      const { store } = await open();
      const text = 'Grüße 👋 "quoted" \u2028 {"id":"1-1"}';
      const { body } = message(text);
      const id = await storeMessage(store, text);
      const [entry] = await store.readFrom("lobby", BEGINNING, ALL);
      expect(entry?.frame.toString()).toBe(`{"id":"${id}","prev":"0-0",${body}`);
      expect(JSON.parse(entry!.frame.toString()).text).toBe(text);
    });

    it("draws nonces, so that two histories that forked do not share ids", async () => {
      const { store } = await open();
      const numbers: number[] = [];
      for (let i = 0; i < 20; i += 1) {
        const id = await storeMessage(store, `${i}`, { room: `room${i}` });
        numbers.push(Number(id.split("-")[1]));
      }
      expect(new Set(numbers).size).toBeGreaterThan(15);
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...numbers)).toBeLessThanOrEqual(2 ** 32);
    });

    it("keeps rooms apart", async () => {
      const { store } = await open();
      await storeMessage(store, "here");
      await storeMessage(store, "there", { room: "attic" });
      expect(await textsOf(store, "lobby")).toEqual(["here"]);
      expect(await textsOf(store, "attic")).toEqual(["there"]);
      expect((await store.readFrom("attic", BEGINNING, ALL))[0]?.prev).toBe(BEGINNING);
    });
  });

  describe("repeated keys", () => {
    it("give the first id back and store nothing", async () => {
      const { store } = await open();
      const id = await storeMessage(store, "once", { key: "k" });
      await storeMessage(store, "between");
      expect(await store.append(message("again", { key: "k" }))).toEqual({ outcome: "duplicate", id });
      expect(await textsOf(store)).toEqual(["once", "between"]);
    });

    it("are stored once when ten come at the same time", async () => {
      const { store } = await open();
      const all = await Promise.all(
        Array.from({ length: 10 }, () => store.append(message("once", { key: "k" }))),
      );
      const stored = all.filter(({ outcome }) => outcome === "stored");
      expect(stored).toHaveLength(1);
      const [first] = await store.readFrom("lobby", BEGINNING, ALL);
      expect(all.map((one) => "id" in one && one.id)).toEqual(Array(10).fill(first?.id));
      expect(await textsOf(store)).toHaveLength(1);
    });

    it("belong to one person and one room", async () => {
      const { store } = await open();
      await storeMessage(store, "ann", { key: "k" });
      await storeMessage(store, "bob", { key: "k", user: "bob" });
      await storeMessage(store, "attic", { key: "k", room: "attic" });
      expect(await textsOf(store)).toEqual(["ann", "bob"]);
    });

    it("are remembered for the last 128 messages at every moment, and not for ever", async () => {
      const { store } = await open();
      const ids: string[] = [];
      const isKnown = async (i: number) => {
        const appended = await store.append(message(`${i}`, { key: `k${i}` }));
        return appended.outcome === "duplicate" && appended.id === ids[i];
      };
      for (let i = 0; i < 400; i += 1) {
        ids.push(await storeMessage(store, `${i}`, { key: `k${i}` }));
        if (i >= 127 && (i % 16 === 0 || i % 128 === 127))
          expect(await isKnown(i - 127), `k${i - 127}`).toBe(true);
      }
      expect(await isKnown(399 - 127)).toBe(true);
      expect((await store.append(message("0", { key: "k0" }))).outcome).toBe("stored");
    });

    it("do not count for those who give none", async () => {
      const { store } = await open();
      await storeMessage(store, "same");
      await storeMessage(store, "same");
      expect(await textsOf(store)).toEqual(["same", "same"]);
    });

    it("may be the names that objects already have", async () => {
      const { store } = await open();
      const id = await storeMessage(store, "once", { key: "__proto__", user: "constructor" });
      expect(await store.append(message("again", { key: "__proto__", user: "constructor" }))).toEqual({
        outcome: "duplicate",
        id,
      });
    });
  });

  describe("the rate limit", () => {
    it("lets a burst through, then says how long to wait, and stores again after that", async () => {
      const { store } = await open({ messagesPerSecond: 0.25, messageBurst: 5 });
      const outcomes = await Promise.all(Array.from({ length: 6 }, (_, i) => store.append(message(`${i}`))));
      expect(outcomes.filter(({ outcome }) => outcome === "stored")).toHaveLength(5);
      const refused = outcomes.find((one) => one.outcome === "rate-limited");
      expect(refused?.retryAfterMs).toBeGreaterThan(0);
      expect(refused?.retryAfterMs).toBeLessThanOrEqual(4_000);
      await waitFor(
        async () => (await store.append(message("later"))).outcome === "stored",
        "the rate allows one",
      );
      expect(await textsOf(store)).toHaveLength(6);
    });

    it("counts each person in each room for itself", async () => {
      const { store } = await open({ messagesPerSecond: 0.01, messageBurst: 1 });
      await storeMessage(store, "ann");
      await storeMessage(store, "bob", { user: "bob" });
      await storeMessage(store, "attic", { room: "attic" });
      const refused = await store.append(message("too fast"));
      expect(refused.outcome).toBe("rate-limited");
      expect("retryAfterMs" in refused && refused.retryAfterMs).toBeGreaterThan(80_000);
    });

    it("does not count a repeated key, nor what it refused", async () => {
      const { store } = await open({ messagesPerSecond: 0.001, messageBurst: 2 });
      const id = await storeMessage(store, "one", { key: "k1" });
      for (let i = 0; i < 5; i += 1) {
        expect(await store.append(message("one", { key: "k1" }))).toEqual({ outcome: "duplicate", id });
      }
      await storeMessage(store, "two", { key: "k2" });
      const waits: number[] = [];
      for (let i = 0; i < 3; i += 1) {
        const refused = await store.append(message("three", { key: "k3" }));
        waits.push("retryAfterMs" in refused ? refused.retryAfterMs : Number.NaN);
      }
      expect(Math.max(...waits)).toBeLessThanOrEqual(waits[0]!);
      expect(await store.append(message("one", { key: "k1" }))).toEqual({ outcome: "duplicate", id });
    });

    it("does not forget what was used when remembered keys change generations", async () => {
      const { store } = await open({ messagesPerSecond: 0.01, messageBurst: 300 });
      for (let i = 0; i < 300; i += 1) await storeMessage(store, `${i}`, { key: `k${i}` });
      expect((await store.append(message("301st", { key: "k300" }))).outcome).toBe("rate-limited");
    });
  });

  describe("the limits of guests", () => {
    const guest = { network: "198.51.100.7" };
    const other = { network: "2001:db8::/64" };

    /**
     * Tries to store `count` messages at once, each of another guest of the network, and returns what became
     * of them.
     */
    async function crowd(
      store: MessageStore,
      count: number,
      rest: Partial<Append> = {},
    ): Promise<Appended[]> {
      const from = rest.guest?.network;
      const tries = Array.from({ length: count }, (_, i) =>
        store.append(message(`${i}`, { guest, user: `guest ${i} of ${from}`, ...rest })),
      );
      return Promise.all(tries);
    }

    function countStored(appended: readonly Appended[]): number {
      return appended.filter(({ outcome }) => outcome === "stored").length;
    }

    /** The limits that refused, each once. */
    function refusedBy(appended: readonly Appended[]): string[] {
      return [...new Set(appended.flatMap((one) => (one.outcome === "rate-limited" ? [one.limit] : [])))];
    }

    it("let a guest begin in a room with a burst of two, and others with all of theirs", async () => {
      const { store } = await open({ messagesPerSecond: 0.01, messageBurst: 10 });
      const tries = Array.from({ length: 12 }, (_, i) =>
        store.append(message(`${i}`, { guest, user: "new" })),
      );
      const appended = await Promise.all(tries);
      expect([countStored(appended), refusedBy(appended)]).toEqual([2, ["user"]]);
      const others = await Promise.all(Array.from({ length: 12 }, (_, i) => store.append(message(`${i}`))));
      expect(countStored(others)).toBe(10);
    });

    it("limit all guests of an address together over all rooms, and no others", async () => {
      const { store } = await open({ addressMessagesPerSecond: 10 });
      const appended = [...(await crowd(store, 45)), ...(await crowd(store, 45, { guest, room: "attic" }))];
      expect(countStored(appended)).toBeGreaterThanOrEqual(50);
      expect(countStored(appended)).toBeLessThan(75);
      expect(refusedBy(appended)).toEqual(["address"]);
      expect(countStored(await crowd(store, 20, { guest: other }))).toBe(20);
      await storeMessage(store, "of a user who is no guest");
    });

    it("say after how long an address may store again", async () => {
      const { store } = await open({ addressMessagesPerSecond: 10 });
      const refused = (await crowd(store, 200)).at(-1);
      const waitMs = refused?.outcome === "rate-limited" ? refused.retryAfterMs : Number.NaN;
      expect(waitMs).toBeGreaterThan(0);
      expect(waitMs).toBeLessThanOrEqual(110);
      await waitFor(
        async () => (await store.append(message("later", { guest }))).outcome === "stored",
        "the address may store one",
      );
    });

    it("hold all guests of a room together, and neither other rooms nor users who are no guests", async () => {
      const { store } = await open({ roomGuestMessagesPerSecond: 20 });
      const appended: Appended[] = [];
      for (let i = 0; i < 10; i += 1)
        appended.push(...(await crowd(store, 60, { guest: { network: `192.0.2.${i}` } })));
      expect(countStored(appended)).toBeGreaterThanOrEqual(95);
      expect(countStored(appended)).toBeLessThan(140);
      expect(refusedBy(appended)).toEqual(["room"]);
      for (let i = 0; i < 20; i += 1) await storeMessage(store, `${i}`);
      await storeMessage(store, "elsewhere", { guest, room: "attic" });
    });

    it("leave something in a room for the address that has used least of it", async () => {
      const { store } = await open({ roomGuestMessagesPerSecond: 100, addressMessagesPerSecond: 100 });
      for (const network of ["192.0.2.1", "192.0.2.2", "192.0.2.3"])
        expect(refusedBy(await crowd(store, 400, { guest: { network } }))).toEqual(["room"]);
      expect(countStored(await crowd(store, 10, { guest: other }))).toBe(10);
    });

    it("count neither a repeated key, which is answered with its id, nor what they refused", async () => {
      const { store } = await open({ addressMessagesPerSecond: 1, roomGuestMessagesPerSecond: 2 });
      const key = "k";
      const id = await storeMessage(store, "once", { guest, key });
      for (let i = 0; i < 20; i += 1)
        expect(await store.append(message("again", { guest, key }))).toEqual({ outcome: "duplicate", id });
      expect(countStored(await crowd(store, 50))).toBeGreaterThanOrEqual(4);
      const waits = (await crowd(store, 50)).map((one) => ("retryAfterMs" in one ? one.retryAfterMs : 0));
      expect(Math.max(...waits)).toBeLessThanOrEqual(3_000);
      expect(await store.append(message("again", { guest, key }))).toEqual({ outcome: "duplicate", id });
    });

    it("let guests say all they like where they are 0", async () => {
      const { store } = await open();
      expect(countStored(await crowd(store, 1_000))).toBe(1_000);
    });
  });

  describe("one user of the site", () => {
    const ann = { user: "s-ann", account: "site" } as const;

    it("makes so many new rooms, and goes on in those that are there", async () => {
      const { store } = await open({ newRoomsPerUser: 1, programFactor: 2 });
      for (let i = 0; i < 2; i += 1) await storeMessage(store, "first", { room: `room${i}`, ...ann });
      const refused = await store.append(message("first", { room: "room2", ...ann }));
      expect(refused).toMatchObject({ outcome: "rate-limited", limit: "user-new-rooms" });
      await storeMessage(store, "more", { room: "room1", ...ann });
      await storeMessage(store, "another user", { room: "room2", user: "s-ben", account: "site" });
      await storeMessage(store, "then here, too", { room: "room2", ...ann });
      for (let i = 3; i < 7; i += 1)
        await storeMessage(store, "a program", { room: `room${i}`, user: "p-1", account: "program" });
      expect(
        await store.append(message("x", { room: "room7", user: "p-1", account: "program" })),
      ).toMatchObject({
        limit: "user-new-rooms",
      });
    });

    it("sends so many bytes, over all rooms", async () => {
      const { store } = await open({ userBytesPerSecond: 10 });
      await storeMessage(store, "x".repeat(1_000), { room: "one", ...ann });
      const refused = await store.append(message("x", { room: "other", ...ann }));
      expect(refused).toMatchObject({ outcome: "rate-limited", limit: "user-bytes" });
      await storeMessage(store, "x", { user: "s-ben", account: "site" });
    });
  });

  describe("the guests of one address", () => {
    const guest = { network: "198.51.100.7" };

    it("make so many new rooms, and go on in those that are there", async () => {
      const { store } = await open({ newRoomsPerAddress: 1 });
      for (let i = 0; i < 5; i += 1)
        await storeMessage(store, "first", { room: `room${i}`, user: `g${i}`, guest });
      const refused = await store.append(message("first", { room: "room5", user: "g5", guest }));
      expect(refused).toMatchObject({ outcome: "rate-limited", limit: "new-rooms" });
      expect("retryAfterMs" in refused && refused.retryAfterMs).toBeGreaterThan(3_000_000);
      await storeMessage(store, "more", { room: "room1", user: "g5", guest });
      await storeMessage(store, "from elsewhere", {
        room: "room5",
        user: "g6",
        guest: { network: "203.0.113.1" },
      });
      await storeMessage(store, "one of the site", { room: "room6", user: "s-1" });
      await storeMessage(store, "then here, too", { room: "room5", user: "g5", guest });
    });

    it("begin so many at a time to write in rooms; guests who have begun go on, and keys stay known", async () => {
      const { store } = await open({ newWritersPerAddress: 1, messagesPerSecond: 100 });
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1)
        ids.push(await storeMessage(store, "first", { user: `g${i}`, key: "k", guest }));
      const newGuest = message("first", { user: "g5", key: "k", guest });
      expect(await store.append(newGuest)).toMatchObject({ outcome: "rate-limited", limit: "new-writers" });
      expect(await store.append({ ...newGuest, key: undefined })).toMatchObject({ limit: "new-writers" });
      for (let i = 0; i < 5; i += 1) {
        const again = message("first", { user: `g${i}`, key: "k", guest });
        expect(await store.append(again)).toEqual({ outcome: "duplicate", id: ids[i] });
        await storeMessage(store, "second", { user: `g${i}`, key: "k2", guest });
      }
      await storeMessage(store, "one of the site", { user: "s-1", key: "k" });
    });

    it("send so many bytes", async () => {
      const { store } = await open({ addressBytesPerSecond: 10 });
      await storeMessage(store, "x".repeat(1_000), { user: "g1", guest });
      const refused = await store.append(message("x", { user: "g2", guest }));
      expect(refused).toMatchObject({ outcome: "rate-limited", limit: "address-bytes" });
      await storeMessage(store, "x", { user: "s-1" });
    });
  });
});
