import { describe, expect, it } from "vitest";
import { MemoryLog } from "../../src/log/memory.ts";
import { BEGINNING, compareIds } from "../../src/protocol.ts";
import { ALL, begin, bodyOf, message, ROOMY, store, textsOf } from "../contract/open-log.ts";
import { afterwards } from "../kit/cleanup.ts";

const DAY = 86_400_000;
const MINUTE = 60_000;

/** An embedded log whose time the test sets. */
async function at(start: number, limits = {}, totalBytes?: number) {
  const clock = { now: start };
  const log = new MemoryLog({ ...ROOMY, ...limits }, () => clock.now, totalBytes);
  afterwards(() => log.close());
  await begin(log);
  return { log, clock };
}

describe("the embedded log and time", () => {
  it("drops messages that are older than the days kept", async () => {
    const { log, clock } = await at(100 * DAY, { historyDays: 2 });
    await store(log, "first");
    clock.now += DAY;
    await store(log, "second");
    clock.now += DAY + 1;
    await store(log, "third");
    expect(await textsOf(log)).toEqual(["second", "third"]);
  });

  it("forgets an abandoned room altogether, and its log then looks new", async () => {
    const { log, clock } = await at(100 * DAY, { historyDays: 2 });
    await store(log, "first", { key: "k" });
    clock.now += 2 * DAY + 1;
    log.sweep();
    expect(await log.heads(["lobby"])).toEqual([BEGINNING]);
    await store(log, "second", { key: "k" });
    expect((await log.readFrom("lobby", BEGINNING, ALL))[0]?.prev).toBe(BEGINNING);
  });

  it("remembers a key for ten minutes and not longer", async () => {
    const { log, clock } = await at(100 * DAY);
    const id = await store(log, "one", { key: "k" });
    clock.now += 10 * MINUTE - 1;
    log.sweep();
    expect(await log.append(message("one", { key: "k" }))).toEqual({ outcome: "duplicate", id });
    clock.now += 1;
    expect((await log.append(message("one", { key: "k" }))).outcome).toBe("stored");
  });

  it("allows the next message exactly when it said", async () => {
    const { log, clock } = await at(100 * DAY, { messagesPerSecond: 5, messageBurst: 2 });
    await store(log, "one");
    await store(log, "two");
    expect(await log.append(message("three"))).toEqual({
      outcome: "rate-limited",
      limit: "user",
      retryAfterMs: 200,
    });
    clock.now += 199;
    expect(await log.append(message("three"))).toEqual({
      outcome: "rate-limited",
      limit: "user",
      retryAfterMs: 1,
    });
    clock.now += 1;
    await store(log, "three");
  });

  it("goes on growing its ids, and lets people speak, when the clock is set back", async () => {
    const { log, clock } = await at(100 * DAY, { messagesPerSecond: 5, messageBurst: 2 });
    const before = await store(log, "before");
    clock.now -= DAY;
    const after = await store(log, "after");
    expect(compareIds(before, after)).toBeLessThan(0);
  });

  it("gives up the rooms that were quiet longest when all rooms together are too large", async () => {
    const size = Buffer.byteLength(bodyOf("x".repeat(1_000)));
    const { log, clock } = await at(100 * DAY, {}, 5 * (size + 100));
    for (const room of ["old", "older", "new"]) {
      for (let i = 0; i < 2; i += 1) await store(log, "x".repeat(1_000), { room });
      clock.now += 1;
    }
    expect(await textsOf(log, "old")).toEqual([]);
    expect(await textsOf(log, "older")).toHaveLength(2);
    expect(await textsOf(log, "new")).toHaveLength(2);
  });
});
