import { beforeAll, describe, expect, it } from "vitest";
import type { Log, LogLimits } from "../../src/log/log.ts";
import { LogUnavailable } from "../../src/log/log.ts";
import { MemoryLog } from "../../src/log/memory.ts";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import { BEGINNING, compareIds, isMessageId, timeOf } from "../../src/protocol.ts";
import { afterwards } from "../kit/cleanup.ts";
import { RecordingLogger } from "../kit/logger.ts";
import { startRedis, type TestRedis } from "../kit/redis.ts";
import { waitFor } from "../kit/wait-for.ts";
import { ALL, begin, message, RecordingListener, ROOMY, store, textsOf } from "./open-log.ts";

let redis: TestRedis;
let opened = 0;

beforeAll(async () => {
  redis = await startRedis();
  afterwards(() => redis.stop());
});

function redisLog(limits: LogLimits): Log {
  opened += 1;
  const options = { url: redis.url, prefix: `contract-${opened}:`, tlsVerify: true };
  return new RedisLog(options, limits, new RecordingLogger());
}

describe.each([
  { kind: "embedded", make: (limits: LogLimits): Log => new MemoryLog(limits) },
  { kind: "redis", make: redisLog },
])("the $kind log", ({ kind, make }) => {
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
      await expect(early.subscribe("lobby")).rejects.toThrow(LogUnavailable);
      await expect(early.rollCall("lobby", [])).rejects.toThrow(LogUnavailable);
      await expect(early.shared("secret", "mine")).rejects.toThrow(LogUnavailable);
    });
  });

  describe("appending", () => {
    it("gives ids that grow, in the order of the calls, and carry the time", async () => {
      const { log } = await open();
      const before = Date.now();
      const ids: string[] = [];
      for (let i = 0; i < 50; i += 1) ids.push(await store(log, `${i}`));
      expect(ids.every(isMessageId)).toBe(true);
      expect([...ids].sort(compareIds)).toEqual(ids);
      expect(new Set(ids).size).toBe(50);
      expect(timeOf(ids[0]!)).toBeGreaterThanOrEqual(before - 1);
      expect(timeOf(ids[49]!)).toBeLessThanOrEqual(Date.now() + 1);
      expect(await textsOf(log)).toEqual(ids.map((_, i) => `${i}`));
    });

    it("chains every entry to the one before it, from 0-0 on", async () => {
      const { log } = await open();
      await Promise.all(Array.from({ length: 40 }, (_, i) => store(log, `${i}`, { user: `user${i % 3}` })));
      const entries = await log.readFrom("lobby", BEGINNING, ALL);
      expect(entries).toHaveLength(40);
      expect(entries.map(({ prev }) => prev)).toEqual([
        BEGINNING,
        ...entries.slice(0, -1).map(({ id }) => id),
      ]);
    });

    it("makes the frame by putting id and prev before the body, whatever characters that has", async () => {
      const { log } = await open();
      const text = 'Grüße 👋 "quoted" \u2028 {"id":"1-1"}';
      const { body } = message(text);
      const id = await store(log, text);
      const [entry] = await log.readFrom("lobby", BEGINNING, ALL);
      expect(entry?.frame.toString()).toBe(`{"id":"${id}","prev":"0-0",${body}`);
      expect(JSON.parse(entry!.frame.toString()).text).toBe(text);
    });

    it("draws nonces, so that two histories that forked do not share ids", async () => {
      const { log } = await open();
      const numbers: number[] = [];
      for (let i = 0; i < 20; i += 1) {
        const id = await store(log, `${i}`, { room: `room${i}` });
        numbers.push(Number(id.split("-")[1]));
      }
      expect(new Set(numbers).size).toBeGreaterThan(15);
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...numbers)).toBeLessThanOrEqual(2 ** 32);
    });

    it("keeps rooms apart", async () => {
      const { log } = await open();
      await store(log, "here");
      await store(log, "there", { room: "attic" });
      expect(await textsOf(log, "lobby")).toEqual(["here"]);
      expect(await textsOf(log, "attic")).toEqual(["there"]);
      expect((await log.readFrom("attic", BEGINNING, ALL))[0]?.prev).toBe(BEGINNING);
    });
  });

  describe("repeated keys", () => {
    it("give the first id back and store nothing", async () => {
      const { log } = await open();
      const id = await store(log, "once", { key: "k" });
      await store(log, "between");
      expect(await log.append(message("again", { key: "k" }))).toEqual({ outcome: "duplicate", id });
      expect(await textsOf(log)).toEqual(["once", "between"]);
    });

    it("are stored once when ten come at the same time", async () => {
      const { log } = await open();
      const all = await Promise.all(
        Array.from({ length: 10 }, () => log.append(message("once", { key: "k" }))),
      );
      const stored = all.filter(({ outcome }) => outcome === "stored");
      expect(stored).toHaveLength(1);
      const [first] = await log.readFrom("lobby", BEGINNING, ALL);
      expect(all.map((one) => "id" in one && one.id)).toEqual(Array(10).fill(first?.id));
      expect(await textsOf(log)).toHaveLength(1);
    });

    it("belong to one person and one room", async () => {
      const { log } = await open();
      await store(log, "ann", { key: "k" });
      await store(log, "bob", { key: "k", user: "bob" });
      await store(log, "attic", { key: "k", room: "attic" });
      expect(await textsOf(log)).toEqual(["ann", "bob"]);
    });

    it("are remembered for the last 128 messages at every moment, and not for ever", async () => {
      const { log } = await open();
      const ids: string[] = [];
      const isKnown = async (i: number) => {
        const appended = await log.append(message(`${i}`, { key: `k${i}` }));
        return appended.outcome === "duplicate" && appended.id === ids[i];
      };
      for (let i = 0; i < 400; i += 1) {
        ids.push(await store(log, `${i}`, { key: `k${i}` }));
        if (i >= 127 && (i % 16 === 0 || i % 128 === 127))
          expect(await isKnown(i - 127), `k${i - 127}`).toBe(true);
      }
      expect(await isKnown(399 - 127)).toBe(true);
      expect((await log.append(message("0", { key: "k0" }))).outcome).toBe("stored");
    });

    it("do not count for those who give none", async () => {
      const { log } = await open();
      await store(log, "same");
      await store(log, "same");
      expect(await textsOf(log)).toEqual(["same", "same"]);
    });

    it("may be the names that objects already have", async () => {
      const { log } = await open();
      const id = await store(log, "once", { key: "__proto__", user: "constructor" });
      expect(await log.append(message("again", { key: "__proto__", user: "constructor" }))).toEqual({
        outcome: "duplicate",
        id,
      });
    });
  });

  describe("the rate limit", () => {
    it("lets a burst through, then says how long to wait, and stores again after that", async () => {
      const { log } = await open({ messagesPerSecond: 20, messageBurst: 5 });
      const outcomes = await Promise.all(Array.from({ length: 6 }, (_, i) => log.append(message(`${i}`))));
      expect(outcomes.filter(({ outcome }) => outcome === "stored")).toHaveLength(5);
      const refused = outcomes.find((one) => one.outcome === "rate-limited");
      expect(refused?.retryAfterMs).toBeGreaterThan(0);
      expect(refused?.retryAfterMs).toBeLessThanOrEqual(50);
      await waitFor(
        async () => (await log.append(message("later"))).outcome === "stored",
        "the rate allows one",
      );
      expect(await textsOf(log)).toHaveLength(6);
    });

    it("counts each person in each room for itself", async () => {
      const { log } = await open({ messagesPerSecond: 0.1, messageBurst: 1 });
      await store(log, "ann");
      await store(log, "bob", { user: "bob" });
      await store(log, "attic", { room: "attic" });
      const refused = await log.append(message("too fast"));
      expect(refused.outcome).toBe("rate-limited");
      expect("retryAfterMs" in refused && refused.retryAfterMs).toBeGreaterThan(8_000);
    });

    it("does not count a repeated key, nor what it refused", async () => {
      const { log } = await open({ messagesPerSecond: 0.001, messageBurst: 2 });
      const id = await store(log, "one", { key: "k1" });
      for (let i = 0; i < 5; i += 1) {
        expect(await log.append(message("one", { key: "k1" }))).toEqual({ outcome: "duplicate", id });
      }
      await store(log, "two", { key: "k2" });
      const waits: number[] = [];
      for (let i = 0; i < 3; i += 1) {
        const refused = await log.append(message("three", { key: "k3" }));
        waits.push("retryAfterMs" in refused ? refused.retryAfterMs : Number.NaN);
      }
      expect(Math.max(...waits)).toBeLessThanOrEqual(waits[0]!);
      expect(await log.append(message("one", { key: "k1" }))).toEqual({ outcome: "duplicate", id });
    });

    it("does not forget what was used when remembered keys change generations", async () => {
      const { log } = await open({ messagesPerSecond: 0.01, messageBurst: 300 });
      for (let i = 0; i < 300; i += 1) await store(log, `${i}`, { key: `k${i}` });
      expect((await log.append(message("301st", { key: "k300" }))).outcome).toBe("rate-limited");
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
