import { describe, expect, it } from "vitest";
import { BEGINNING, compareIds, timeOf } from "../../src/protocol/ids.ts";
import type { MessageStore, StoreLimits } from "../../src/store/store.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { BOTH_STORES } from "./both-stores.ts";
import {
  ALL,
  begin,
  message,
  RecordingListener,
  ROOMY,
  storeMessage,
  subscribe,
  textsOf,
} from "./open-store.ts";

describe.each(BOTH_STORES)("the $kind store", ({ kind, make }) => {
  async function open(
    limits: Partial<StoreLimits> = {},
  ): Promise<{ store: MessageStore; listener: RecordingListener }> {
    const store = make({ ...ROOMY, ...limits });
    afterwards(() => store.close());
    return { store, listener: await begin(store) };
  }

  it("says what kind it is and has an instance of its own", async () => {
    const [one, other] = [make(ROOMY), make(ROOMY)];
    expect(one.kind).toBe(kind);
    expect(one.instance).toMatch(/^[A-Za-z0-9_-]{8,}$/);
    expect(one.instance).not.toBe(other.instance);
  });

  describe("starting", () => {
    it("returns at once and turns live by itself", async () => {
      const store = make(ROOMY);
      afterwards(() => store.close());
      const listener = new RecordingListener();
      store.start(listener);
      expect(store.status.state).toBe("connecting");
      await waitFor(() => store.status.state === "live", "the store is live");
      expect(listener.states.at(-1)).toBe("live");
    });

    it("refuses everything until it is live", async () => {
      const store = make(ROOMY);
      afterwards(() => store.close());
      store.start(new RecordingListener());
      expect(await store.append(message("early"))).toEqual({ outcome: "unavailable" });
      const early = make(ROOMY);
      await expect(early.readFrom("lobby", BEGINNING, ALL)).rejects.toThrow(StoreUnavailable);
      await expect(early.readBefore("lobby", undefined, ALL)).rejects.toThrow(StoreUnavailable);
      await expect(early.heads(["lobby"])).rejects.toThrow(StoreUnavailable);
      await expect(early.recentRooms(1)).rejects.toThrow(StoreUnavailable);
      await expect(subscribe(early, "lobby")).rejects.toThrow(StoreUnavailable);
      await expect(early.syncPresence("lobby", [])).rejects.toThrow(StoreUnavailable);
      await expect(early.shared("secret", "mine")).rejects.toThrow(StoreUnavailable);
    });
  });

  describe("the bounds", () => {
    it("keep the newest messages, and at most 200 above the number", async () => {
      const { store } = await open({ historyMessages: 50 });
      for (let i = 0; i < 600; i += 1) await storeMessage(store, `${i}`);
      const texts = await textsOf(store);
      expect(texts.length).toBeGreaterThanOrEqual(50);
      expect(texts.length).toBeLessThanOrEqual(250);
      expect(texts.at(-1)).toBe("599");
      expect(texts[0]).toBe(String(600 - texts.length));
    });

    it("keep the newest bytes", async () => {
      const bound = 64 * 1024;
      const { store } = await open({ historyBytes: bound });
      for (let i = 0; i < 300; i += 1) await storeMessage(store, `${i}:${"x".repeat(1_000)}`);
      const entries = await store.readFrom("lobby", BEGINNING, ALL);
      const bytes = entries.reduce((sum, { frame }) => sum + frame.length, 0);
      expect(bytes).toBeLessThanOrEqual(bound + bound / 64 + 2 * 1_100);
      expect(bytes).toBeGreaterThan(bound - 2 * 1_100);
      expect(JSON.parse(entries.at(-1)!.frame.toString()).text).toMatch(/^299:/);
    });

    it("keep a message that alone is larger than the bytes", async () => {
      const { store } = await open({ historyBytes: 1_000 });
      await storeMessage(store, "small");
      await storeMessage(store, "x".repeat(5_000));
      expect(await textsOf(store)).toEqual(["x".repeat(5_000)]);
    });

    it("leave the chain whole over what they dropped", async () => {
      const { store } = await open({ historyMessages: 20 });
      const ids: string[] = [];
      for (let i = 0; i < 400; i += 1) ids.push(await storeMessage(store, `${i}`));
      const entries = await store.readFrom("lobby", BEGINNING, ALL);
      const dropped = 400 - entries.length;
      expect(dropped).toBeGreaterThan(0);
      expect(entries[0]?.prev).toBe(ids[dropped - 1]);
    });
  });

  describe("reading", () => {
    async function ten() {
      const { store } = await open();
      const ids: string[] = [];
      for (let i = 0; i < 10; i += 1) ids.push(await storeMessage(store, `${i}`));
      const read = (entries: readonly { id: string }[]) => entries.map(({ id }) => ids.indexOf(id));
      return { log: store, ids, read };
    }

    it("from an id includes it", async () => {
      const { log: store, ids, read } = await ten();
      expect(read(await store.readFrom("lobby", ids[6]!, ALL))).toEqual([6, 7, 8, 9]);
    });

    it("from an id that is not there begins with the next one", async () => {
      const { log: store, ids, read } = await ten();
      const [ms, number] = ids[6]!.split("-");
      expect(read(await store.readFrom("lobby", `${ms}-${Number(number) + 1}`, ALL))).toEqual([7, 8, 9]);
      expect(await store.readFrom("lobby", "9999999999999-0", ALL)).toEqual([]);
    });

    it("before an id excludes it and still gives the oldest first", async () => {
      const { log: store, ids, read } = await ten();
      expect(read(await store.readBefore("lobby", ids[4]!, ALL))).toEqual([0, 1, 2, 3]);
      expect(read(await store.readBefore("lobby", ids[4]!, { ...ALL, entries: 2 }))).toEqual([2, 3]);
      expect(read(await store.readBefore("lobby", undefined, { ...ALL, entries: 3 }))).toEqual([7, 8, 9]);
      expect(await store.readBefore("lobby", ids[0]!, ALL)).toEqual([]);
      expect(await store.readBefore("lobby", BEGINNING, ALL)).toEqual([]);
    });

    it("ends at the number of entries", async () => {
      const { log: store, read } = await ten();
      expect(read(await store.readFrom("lobby", BEGINNING, { ...ALL, entries: 3 }))).toEqual([0, 1, 2]);
    });

    it("ends at the number of bytes, but always gives one", async () => {
      const { log: store, read } = await ten();
      const sizes = (await store.readFrom("lobby", BEGINNING, ALL)).map(({ frame }) => frame.length);
      const firstThree = sizes[0]! + sizes[1]! + sizes[2]!;
      expect(read(await store.readFrom("lobby", BEGINNING, { ...ALL, bytes: firstThree }))).toEqual([
        0, 1, 2,
      ]);
      expect(read(await store.readFrom("lobby", BEGINNING, { ...ALL, bytes: firstThree - 1 }))).toEqual([
        0, 1,
      ]);
      expect(read(await store.readFrom("lobby", BEGINNING, { ...ALL, bytes: 1 }))).toEqual([0]);
      expect(read(await store.readBefore("lobby", undefined, { ...ALL, bytes: 1 }))).toEqual([9]);
    });

    it("gives more than fits one page of the server, in order and once each", async () => {
      const { store } = await open();
      await Promise.all(Array.from({ length: 350 }, (_, i) => storeMessage(store, `${i}`)));
      const forward = (await store.readFrom("lobby", BEGINNING, ALL)).map(({ id }) => id);
      expect(forward).toHaveLength(350);
      expect([...new Set(forward)].sort(compareIds)).toEqual(forward);
      expect((await store.readBefore("lobby", undefined, ALL)).map(({ id }) => id)).toEqual(forward);
      expect(await store.readFrom("lobby", BEGINNING, { ...ALL, entries: 250 })).toHaveLength(250);
    });

    it("gives nothing of an empty room", async () => {
      const { store } = await open();
      expect(await store.readFrom("nowhere", BEGINNING, ALL)).toEqual([]);
      expect(await store.readBefore("nowhere", undefined, ALL)).toEqual([]);
    });

    it("gives the heads in the order asked", async () => {
      const { log: store, ids } = await ten();
      const attic = await storeMessage(store, "attic", { room: "attic" });
      expect(await store.heads(["attic", "nowhere", "lobby"])).toEqual([attic, BEGINNING, ids[9]]);
      expect(await store.heads([])).toEqual([]);
    });

    it("lists the rooms that have messages, the one spoken in last first", async () => {
      const { store } = await open();
      expect(await store.recentRooms(5)).toEqual([]);
      const spoken = ["attic", "cellar", "attic", "lobby"];
      const ids: string[] = [];
      for (const room of spoken) {
        ids.push(await storeMessage(store, "hi", { room }));
        // An id's order holds within its room: between rooms only the time does.
        await waitFor(() => Date.now() > timeOf(ids.at(-1)!) + 1, "the next millisecond");
      }
      const listed = [
        { room: "lobby", head: ids[3] },
        { room: "attic", head: ids[2] },
        { room: "cellar", head: ids[1] },
      ];
      expect(await store.recentRooms(5)).toEqual(listed);
      expect(await store.recentRooms(2)).toEqual(listed.slice(0, 2));
    });
  });

  describe("subscribing", () => {
    it("delivers the very bytes that a read gives, in the store's order, own messages included", async () => {
      const { store, listener } = await open();
      await subscribe(store, "lobby");
      await Promise.all(
        Array.from({ length: 30 }, (_, i) => storeMessage(store, `${i} ü`, { user: `user${i % 4}` })),
      );
      await waitFor(() => listener.deliveries.length >= 30, "30 deliveries");
      const entries = await store.readFrom("lobby", BEGINNING, ALL);
      expect(listener.texts("lobby")).toEqual(entries.map(({ frame }) => frame.toString()));
    });

    it("delivers never inside the call of append", async () => {
      const { store, listener } = await open();
      await subscribe(store, "lobby");
      const appended = store.append(message("one"));
      expect(listener.deliveries).toEqual([]);
      await appended;
      await waitFor(() => listener.deliveries.length === 1, "the delivery");
    });

    it("delivers neither repeated keys nor refusals", async () => {
      const { store, listener } = await open({ messagesPerSecond: 0.001, messageBurst: 1 });
      await subscribe(store, "lobby");
      await storeMessage(store, "one", { key: "k" });
      await store.append(message("again", { key: "k" }));
      await store.append(message("too fast"));
      await storeMessage(store, "the end", { user: "bob" });
      await waitFor(() => listener.texts("lobby").some((text) => text.includes("the end")), "the last one");
      expect(listener.deliveries).toHaveLength(2);
    });

    it("ends with unsubscribe, for that room alone", async () => {
      const { store, listener } = await open();
      await subscribe(store, "lobby");
      await subscribe(store, "attic");
      await store.unsubscribe("lobby");
      await storeMessage(store, "unheard");
      await storeMessage(store, "heard", { room: "attic" });
      await waitFor(() => listener.texts("attic").length === 1, "the other room's delivery");
      expect(listener.texts("lobby")).toEqual([]);
    });

    it("can begin again after it ended, and unsubscribing twice is no error", async () => {
      const { store, listener } = await open();
      await subscribe(store, "lobby");
      await store.unsubscribe("lobby");
      await store.unsubscribe("lobby");
      await subscribe(store, "lobby");
      await storeMessage(store, "heard");
      await waitFor(() => listener.texts("lobby").length === 1, "the delivery");
    });

    it("delivers hints as they were given, and stores none", async () => {
      const { store, listener } = await open();
      await subscribe(store, "lobby");
      const hint = Buffer.from('{"type":"typing","user":"änn"}');
      store.publishEphemeral("lobby", hint);
      await waitFor(() => listener.deliveries.length === 1, "the hint");
      expect(listener.deliveries[0]?.payload.equals(hint)).toBe(true);
      expect(await textsOf(store)).toEqual([]);
    });
  });

  describe("presence", () => {
    const ann = { id: "ann", handle: "Ann" };
    const bob = { id: "g:bob", handle: "Bob: the second" };

    it("is told to subscribers when a user enters and leaves", async () => {
      const { store, listener } = await open();
      await subscribe(store, "lobby");
      await store.enter("lobby", bob);
      await store.exit("lobby", bob.id);
      await waitFor(() => listener.deliveries.length === 2, "two hints");
      expect(listener.texts("lobby")).toEqual([
        JSON.stringify({ type: "enter", instance: store.instance, person: bob }),
        JSON.stringify({ type: "exit", instance: store.instance, user: bob.id }),
      ]);
    });

    it("lists who is here, each once, with the process that has them", async () => {
      const { store } = await open();
      await store.enter("lobby", ann);
      await store.enter("lobby", bob);
      await store.enter("attic", ann);
      const present = await store.syncPresence("lobby", [ann, bob]);
      expect(present.sort((a, b) => a.id.localeCompare(b.id))).toEqual([
        { ...ann, instances: [store.instance] },
        { ...bob, instances: [store.instance] },
      ]);
    });

    it("is put right by the roll call: lost ones come back, left ones go, names change", async () => {
      const { store } = await open();
      await store.enter("lobby", bob);
      await store.enter("lobby", { ...ann, handle: "Anna" });
      expect(await store.syncPresence("lobby", [ann])).toEqual([{ ...ann, instances: [store.instance] }]);
      expect(await store.syncPresence("lobby", [])).toEqual([]);
    });

    it("says of a guest where they come from, to subscribers and in the roll call", async () => {
      const { store, listener } = await open();
      await subscribe(store, "lobby");
      const guest = { ...ann, network: "Aa0_-9zZ" };
      await store.enter("lobby", guest);
      await store.enter("lobby", bob);
      await waitFor(() => listener.deliveries.length === 2, "two hints");
      expect(JSON.parse(listener.texts("lobby")[0] ?? "")).toMatchObject({ person: guest });
      const present = await store.syncPresence("lobby", [guest, bob]);
      expect(Object.fromEntries(present.map(({ id, network }) => [id, network]))).toEqual({
        ann: guest.network,
        [bob.id]: undefined,
      });
    });

    it("takes effect in the order of the calls, also when none is awaited", async () => {
      const { store } = await open();
      const calls: Promise<void>[] = [];
      for (let i = 0; i < 10; i += 1) calls.push(store.enter("lobby", ann), store.exit("lobby", ann.id));
      calls.push(store.enter("lobby", ann));
      const present = store.syncPresence("lobby", [ann]);
      await Promise.all(calls);
      expect(await present).toEqual([{ ...ann, instances: [store.instance] }]);
    });
  });

  it("shares a value: the first proposal wins", async () => {
    const { store } = await open();
    const [one, two] = await Promise.all([store.shared("secret", "first"), store.shared("secret", "second")]);
    expect(one).toBe("first");
    expect(two).toBe("first");
    expect(await store.shared("secret", "third")).toBe("first");
    expect(await store.shared("other", "fourth")).toBe("fourth");
  });

  it("keeps what this process says of itself, the newest only, and shows that it reaches the store and back", async () => {
    const { store } = await open();
    expect(await store.processReports()).toEqual([]);
    await store.reportProcess("well");
    await store.reportProcess("very well, thank you");
    expect(await store.processReports()).toEqual(["very well, thank you"]);
    expect(store.roundTripAgeMs).toBeGreaterThanOrEqual(0);
  });

  describe("closing", () => {
    it("is final: nothing is delivered, everything is refused, and closing again is no error", async () => {
      const { store, listener } = await open();
      await subscribe(store, "lobby");
      await store.close();
      await store.close();
      expect(store.status.state).toBe("closed");
      expect(listener.states.at(-1)).toBe("closed");
      expect(await store.append(message("late"))).toEqual({ outcome: "unavailable" });
      await expect(store.readFrom("lobby", BEGINNING, ALL)).rejects.toThrow(StoreUnavailable);
      await expect(subscribe(store, "lobby")).rejects.toThrow(StoreUnavailable);
      await store.unsubscribe("lobby");
      await store.enter("lobby", { id: "ann", handle: "Ann" });
      store.publishEphemeral("lobby", Buffer.from('{"type":"typing"}'));
      expect(listener.deliveries).toEqual([]);
    });

    it("works before the start and right after it", async () => {
      await make(ROOMY).close();
      const store = make(ROOMY);
      const listener = new RecordingListener();
      store.start(listener);
      await store.close();
      expect(store.status.state).toBe("closed");
      expect(listener.states).not.toContain("live");
    });
  });
});
