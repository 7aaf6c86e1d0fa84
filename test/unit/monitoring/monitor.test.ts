import { describe, expect, it, vi } from "vitest";
import { Watch } from "../../../src/monitoring/monitor.ts";
import { identityOf } from "../../../src/monitoring/process-identity.ts";
import { openChat } from "../../kit/fakes/fake-client.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

const LIMITS = { maxLoopDelayMs: 0, memory: undefined };

/** A watch on a log that the test controls; it does not report by itself. */
function openWatch() {
  const { chat, log } = openChat();
  const watch = new Watch(chat, log, identityOf(log.instance, {}), LIMITS);
  afterwards(() => watch.stop());
  return { watch, log, chat };
}

/** What a process of that name would report. */
function reportOf(watch: Watch, instance: string): string {
  return JSON.stringify({ ...watch.vitals, identity: { ...watch.vitals.identity, instance } });
}

function instancesOf(fleet: Awaited<ReturnType<Watch["fleet"]>>): string[] {
  return fleet.map(({ identity }) => identity.instance);
}

describe("a process that watches", () => {
  it("sees itself as it is now, and the others as they reported", async () => {
    const { watch, log, chat } = openWatch();
    log.reported.set(log.instance, reportOf(watch, log.instance));
    log.reported.set("another", reportOf(watch, "another"));
    chat.counters.messages = 7;
    const fleet = await watch.fleet();
    expect(instancesOf(fleet)).toEqual([log.instance, "another"]);
    expect(fleet.map(({ counts }) => counts["messages"])).toEqual([7, 0]);
  });

  it("leaves out what it does not understand", async () => {
    const { watch, log } = openWatch();
    log.reported.set("stranger", "hello");
    log.reported.set("another", '{"identity":{"instance":"another"}}');
    expect(instancesOf(await watch.fleet())).toEqual([log.instance]);
  });

  it("sees itself alone while the log is away", async () => {
    const { watch, log } = openWatch();
    log.reported.set("another", reportOf(watch, "another"));
    log.failing = true;
    expect(instancesOf(await watch.fleet())).toEqual([log.instance]);
  });

  it("asks the log once for many who ask at once", async () => {
    const { watch, log } = openWatch();
    await Promise.all(Array.from({ length: 50 }, () => watch.fleet()));
    expect(log.calls.filter((call) => call === "reports")).toHaveLength(1);
  });

  it("reports when the log is live, every 5 s, and again as soon as it is back", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    afterwards(() => vi.useRealTimers());
    const { watch, log } = openWatch();
    const reportsWithin = (ms: number): boolean => {
      log.reported.clear();
      vi.advanceTimersByTime(ms);
      return log.reported.has(log.instance);
    };
    log.down();
    watch.start({ count: 3, drain: { begun: true } });
    expect(reportsWithin(10_000)).toBe(false);
    await log.up();
    expect(reportsWithin(500)).toBe(true);
    expect(JSON.parse(log.reported.get(log.instance) ?? "")).toMatchObject({ sockets: 3, draining: true });
    expect(reportsWithin(4_500)).toBe(false);
    expect(reportsWithin(500)).toBe(true);
    log.down();
    expect(reportsWithin(500)).toBe(false);
    await log.up();
    expect(reportsWithin(500)).toBe(true);
  });
});
