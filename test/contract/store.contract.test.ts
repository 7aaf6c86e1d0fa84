import { describe, expect, it } from "vitest";
import { BEGINNING, compareIds, timeOf } from "../../src/protocol.ts";
import type { Log, LogLimits } from "../../src/store/store.ts";
import { LogUnavailable } from "../../src/store/store.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { BOTH_LOGS } from "./both-stores.ts";
import { ALL, begin, message, RecordingListener, ROOMY, store, textsOf } from "./open-store.ts";

describe.each(BOTH_LOGS)("the $kind log", ({ kind, make }) => {
  async function open(limits: Partial<LogLimits> = {}): Promise<{ log: Log; listener: RecordingListener }> {
    const log = make({ ...ROOMY, ...limits });
    afterwards(() => log.close());
    return { log, listener: await begin(log) };
  }

  it("says what kind it is and has an instance of its own", async () => {
    const [one, other] = [make(ROOMY), make(ROOMY)];
    expect(one.kind).toBe(kind);
    expect(one.instance).toMatch(/^[A-Za-z0-9_-]{8,}$/);
    expect(one.instance).not.toBe(other.instance);
  });

  describe("starting", () => {
    it("returns at once and turns live by itself", async () => {
      const log = make(ROOMY);
      afterwards(() => log.close());
      const listener = new RecordingListener();
      log.start(listener);
      expect(log.status.state).toBe("connecting");
      await waitFor(() => log.status.state === "live", "the log is live");
      expect(listener.states.at(-1)).toBe("live");
    });

    it("refuses everything until it is live", async () => {
      const log = make(ROOMY);
      afterwards(() => log.close());
      log.start(new RecordingListener());
      expect(await log.append(message("early"))).toEqual({ outcome: "unavailable" });
      const early = make(ROOMY);
      await expect(early.readFrom("lobby", BEGINNING, ALL)).rejects.toThrow(LogUnavailable);
      await expect(early.readBefore("lobby", undefined, ALL)).rejects.toThrow(LogUnavailable);
      await expect(early.heads(["lobby"])).rejects.toThrow(LogUnavailable);
      await expect(early.recentRooms(1)).rejects.toThrow(LogUnavailable);
      await expect(early.subscribe("lobby")).rejects.toThrow(LogUnavailable);
      await expect(early.rollCall("lobby", [])).rejects.toThrow(LogUnavailable);
      await expect(early.shared("secret", "mine")).rejects.toThrow(LogUnavailable);
    });
  });

  describe("the bounds", () => {
    it("keep the newest messages, and at most 200 above the number", async () => {
      const { log } = await open({ historyMessages: 50 });
      for (let i = 0; i < 600; i += 1) await store(log, `${i}`);
      const texts = await textsOf(log);
      expect(texts.length).toBeGreaterThanOrEqual(50);
      expect(texts.length).toBeLessThanOrEqual(250);
      expect(texts.at(-1)).toBe("599");
      expect(texts[0]).toBe(String(600 - texts.length));
    });

    it("keep the newest bytes", async () => {
      const bound = 64 * 1024;
      const { log } = await open({ historyBytes: bound });
      for (let i = 0; i < 300; i += 1) await store(log, `${i}:${"x".repeat(1_000)}`);
      const entries = await log.readFrom("lobby", BEGINNING, ALL);
      const bytes = entries.reduce((sum, { frame }) => sum + frame.length, 0);
      expect(bytes).toBeLessThanOrEqual(bound + bound / 64 + 2 * 1_100);
      expect(bytes).toBeGreaterThan(bound - 2 * 1_100);
      expect(JSON.parse(entries.at(-1)!.frame.toString()).text).toMatch(/^299:/);
    });

    it("keep a message that alone is larger than the bytes", async () => {
      const { log } = await open({ historyBytes: 1_000 });
      await store(log, "small");
      await store(log, "x".repeat(5_000));
      expect(await textsOf(log)).toEqual(["x".repeat(5_000)]);
    });

    it("leave the chain whole over what they dropped", async () => {
      const { log } = await open({ historyMessages: 20 });
      const ids: string[] = [];
      for (let i = 0; i < 400; i += 1) ids.push(await store(log, `${i}`));
      const entries = await log.readFrom("lobby", BEGINNING, ALL);
      const dropped = 400 - entries.length;
      expect(dropped).toBeGreaterThan(0);
      expect(entries[0]?.prev).toBe(ids[dropped - 1]);
    });
  });

  describe("reading", () => {
    async function ten() {
      const { log } = await open();
      const ids: string[] = [];
      for (let i = 0; i < 10; i += 1) ids.push(await store(log, `${i}`));
      const read = (entries: readonly { id: string }[]) => entries.map(({ id }) => ids.indexOf(id));
      return { log, ids, read };
    }

    it("from an id includes it", async () => {
      const { log, ids, read } = await ten();
      expect(read(await log.readFrom("lobby", ids[6]!, ALL))).toEqual([6, 7, 8, 9]);
    });

    it("from an id that is not there begins with the next one", async () => {
      const { log, ids, read } = await ten();
      const [ms, number] = ids[6]!.split("-");
      expect(read(await log.readFrom("lobby", `${ms}-${Number(number) + 1}`, ALL))).toEqual([7, 8, 9]);
      expect(await log.readFrom("lobby", "9999999999999-0", ALL)).toEqual([]);
    });

    it("before an id excludes it and still gives the oldest first", async () => {
      const { log, ids, read } = await ten();
      expect(read(await log.readBefore("lobby", ids[4]!, ALL))).toEqual([0, 1, 2, 3]);
      expect(read(await log.readBefore("lobby", ids[4]!, { ...ALL, entries: 2 }))).toEqual([2, 3]);
      expect(read(await log.readBefore("lobby", undefined, { ...ALL, entries: 3 }))).toEqual([7, 8, 9]);
      expect(await log.readBefore("lobby", ids[0]!, ALL)).toEqual([]);
      expect(await log.readBefore("lobby", BEGINNING, ALL)).toEqual([]);
    });

    it("ends at the number of entries", async () => {
      const { log, read } = await ten();
      expect(read(await log.readFrom("lobby", BEGINNING, { ...ALL, entries: 3 }))).toEqual([0, 1, 2]);
    });

    it("ends at the number of bytes, but always gives one", async () => {
      const { log, read } = await ten();
      const sizes = (await log.readFrom("lobby", BEGINNING, ALL)).map(({ frame }) => frame.length);
      const firstThree = sizes[0]! + sizes[1]! + sizes[2]!;
      expect(read(await log.readFrom("lobby", BEGINNING, { ...ALL, bytes: firstThree }))).toEqual([0, 1, 2]);
      expect(read(await log.readFrom("lobby", BEGINNING, { ...ALL, bytes: firstThree - 1 }))).toEqual([0, 1]);
      expect(read(await log.readFrom("lobby", BEGINNING, { ...ALL, bytes: 1 }))).toEqual([0]);
      expect(read(await log.readBefore("lobby", undefined, { ...ALL, bytes: 1 }))).toEqual([9]);
    });

    it("gives more than fits one page of the server, in order and once each", async () => {
      const { log } = await open();
      await Promise.all(Array.from({ length: 350 }, (_, i) => store(log, `${i}`)));
      const forward = (await log.readFrom("lobby", BEGINNING, ALL)).map(({ id }) => id);
      expect(forward).toHaveLength(350);
      expect([...new Set(forward)].sort(compareIds)).toEqual(forward);
      expect((await log.readBefore("lobby", undefined, ALL)).map(({ id }) => id)).toEqual(forward);
      expect(await log.readFrom("lobby", BEGINNING, { ...ALL, entries: 250 })).toHaveLength(250);
    });

    it("gives nothing of an empty room", async () => {
      const { log } = await open();
      expect(await log.readFrom("nowhere", BEGINNING, ALL)).toEqual([]);
      expect(await log.readBefore("nowhere", undefined, ALL)).toEqual([]);
    });

    it("gives the heads in the order asked", async () => {
      const { log, ids } = await ten();
      const attic = await store(log, "attic", { room: "attic" });
      expect(await log.heads(["attic", "nowhere", "lobby"])).toEqual([attic, BEGINNING, ids[9]]);
      expect(await log.heads([])).toEqual([]);
    });

    it("lists the rooms that have messages, the one spoken in last first", async () => {
      const { log } = await open();
      expect(await log.recentRooms(5)).toEqual([]);
      const spoken = ["attic", "cellar", "attic", "lobby"];
      const ids: string[] = [];
      for (const room of spoken) {
        ids.push(await store(log, "hi", { room }));
        // An id's order holds within its room: between rooms only the time does.
        await waitFor(() => Date.now() > timeOf(ids.at(-1)!) + 1, "the next millisecond");
      }
      const listed = [
        { room: "lobby", head: ids[3] },
        { room: "attic", head: ids[2] },
        { room: "cellar", head: ids[1] },
      ];
      expect(await log.recentRooms(5)).toEqual(listed);
      expect(await log.recentRooms(2)).toEqual(listed.slice(0, 2));
    });
  });

  describe("subscribing", () => {
    it("delivers the very bytes that a read gives, in the log's order, own messages included", async () => {
      const { log, listener } = await open();
      await log.subscribe("lobby");
      await Promise.all(Array.from({ length: 30 }, (_, i) => store(log, `${i} ü`, { user: `user${i % 4}` })));
      await waitFor(() => listener.deliveries.length >= 30, "30 deliveries");
      const entries = await log.readFrom("lobby", BEGINNING, ALL);
      expect(listener.texts("lobby")).toEqual(entries.map(({ frame }) => frame.toString()));
    });

    it("delivers never inside the call of append", async () => {
      const { log, listener } = await open();
      await log.subscribe("lobby");
      const appended = log.append(message("one"));
      expect(listener.deliveries).toEqual([]);
      await appended;
      await waitFor(() => listener.deliveries.length === 1, "the delivery");
    });

    it("delivers neither repeated keys nor refusals", async () => {
      const { log, listener } = await open({ messagesPerSecond: 0.001, messageBurst: 1 });
      await log.subscribe("lobby");
      await store(log, "one", { key: "k" });
      await log.append(message("again", { key: "k" }));
      await log.append(message("too fast"));
      await store(log, "the end", { user: "bob" });
      await waitFor(() => listener.texts("lobby").some((text) => text.includes("the end")), "the last one");
      expect(listener.deliveries).toHaveLength(2);
    });

    it("ends with unsubscribe, for that room alone", async () => {
      const { log, listener } = await open();
      await log.subscribe("lobby");
      await log.subscribe("attic");
      await log.unsubscribe("lobby");
      await store(log, "unheard");
      await store(log, "heard", { room: "attic" });
      await waitFor(() => listener.texts("attic").length === 1, "the other room's delivery");
      expect(listener.texts("lobby")).toEqual([]);
    });

    it("can begin again after it ended, and unsubscribing twice is no error", async () => {
      const { log, listener } = await open();
      await log.subscribe("lobby");
      await log.unsubscribe("lobby");
      await log.unsubscribe("lobby");
      await log.subscribe("lobby");
      await store(log, "heard");
      await waitFor(() => listener.texts("lobby").length === 1, "the delivery");
    });

    it("delivers hints as they were given, and stores none", async () => {
      const { log, listener } = await open();
      await log.subscribe("lobby");
      const hint = Buffer.from('{"type":"typing","user":"änn"}');
      log.hint("lobby", hint);
      await waitFor(() => listener.deliveries.length === 1, "the hint");
      expect(listener.deliveries[0]?.payload.equals(hint)).toBe(true);
      expect(await textsOf(log)).toEqual([]);
    });
  });

  describe("presence", () => {
    const ann = { id: "ann", handle: "Ann" };
    const bob = { id: "g:bob", handle: "Bob: the second" };

    it("is told to subscribers when somebody enters and leaves", async () => {
      const { log, listener } = await open();
      await log.subscribe("lobby");
      await log.enter("lobby", bob);
      await log.exit("lobby", bob.id);
      await waitFor(() => listener.deliveries.length === 2, "two hints");
      expect(listener.texts("lobby")).toEqual([
        JSON.stringify({ type: "enter", instance: log.instance, person: bob }),
        JSON.stringify({ type: "exit", instance: log.instance, user: bob.id }),
      ]);
    });

    it("lists who is here, each once, with the process that has them", async () => {
      const { log } = await open();
      await log.enter("lobby", ann);
      await log.enter("lobby", bob);
      await log.enter("attic", ann);
      const present = await log.rollCall("lobby", [ann, bob]);
      expect(present.sort((a, b) => a.id.localeCompare(b.id))).toEqual([
        { ...ann, instances: [log.instance] },
        { ...bob, instances: [log.instance] },
      ]);
    });

    it("is put right by the roll call: lost ones come back, left ones go, names change", async () => {
      const { log } = await open();
      await log.enter("lobby", bob);
      await log.enter("lobby", { ...ann, handle: "Anna" });
      expect(await log.rollCall("lobby", [ann])).toEqual([{ ...ann, instances: [log.instance] }]);
      expect(await log.rollCall("lobby", [])).toEqual([]);
    });

    it("says of a guest where they come from, to subscribers and in the roll call", async () => {
      const { log, listener } = await open();
      await log.subscribe("lobby");
      const guest = { ...ann, network: "Aa0_-9zZ" };
      await log.enter("lobby", guest);
      await log.enter("lobby", bob);
      await waitFor(() => listener.deliveries.length === 2, "two hints");
      expect(JSON.parse(listener.texts("lobby")[0] ?? "")).toMatchObject({ person: guest });
      const present = await log.rollCall("lobby", [guest, bob]);
      expect(Object.fromEntries(present.map(({ id, network }) => [id, network]))).toEqual({
        ann: guest.network,
        [bob.id]: undefined,
      });
    });

    it("takes effect in the order of the calls, also when none is awaited", async () => {
      const { log } = await open();
      const calls: Promise<void>[] = [];
      for (let i = 0; i < 10; i += 1) calls.push(log.enter("lobby", ann), log.exit("lobby", ann.id));
      calls.push(log.enter("lobby", ann));
      const present = log.rollCall("lobby", [ann]);
      await Promise.all(calls);
      expect(await present).toEqual([{ ...ann, instances: [log.instance] }]);
    });
  });

  it("shares a value: the first proposal wins", async () => {
    const { log } = await open();
    const [one, two] = await Promise.all([log.shared("secret", "first"), log.shared("secret", "second")]);
    expect(one).toBe("first");
    expect(two).toBe("first");
    expect(await log.shared("secret", "third")).toBe("first");
    expect(await log.shared("other", "fourth")).toBe("fourth");
  });

  it("keeps what this process says of itself, the newest only, and shows that it reaches the log and back", async () => {
    const { log } = await open();
    expect(await log.reports()).toEqual([]);
    await log.report("well");
    await log.report("very well, thank you");
    expect(await log.reports()).toEqual(["very well, thank you"]);
    expect(log.roundTripAgeMs).toBeGreaterThanOrEqual(0);
  });

  describe("closing", () => {
    it("is final: nothing is delivered, everything is refused, and closing again is no error", async () => {
      const { log, listener } = await open();
      await log.subscribe("lobby");
      await log.close();
      await log.close();
      expect(log.status.state).toBe("closed");
      expect(listener.states.at(-1)).toBe("closed");
      expect(await log.append(message("late"))).toEqual({ outcome: "unavailable" });
      await expect(log.readFrom("lobby", BEGINNING, ALL)).rejects.toThrow(LogUnavailable);
      await expect(log.subscribe("lobby")).rejects.toThrow(LogUnavailable);
      await log.unsubscribe("lobby");
      await log.enter("lobby", { id: "ann", handle: "Ann" });
      log.hint("lobby", Buffer.from('{"type":"typing"}'));
      expect(listener.deliveries).toEqual([]);
    });

    it("works before the start and right after it", async () => {
      await make(ROOMY).close();
      const log = make(ROOMY);
      const listener = new RecordingListener();
      log.start(listener);
      await log.close();
      expect(log.status.state).toBe("closed");
      expect(listener.states).not.toContain("live");
    });
  });
});
