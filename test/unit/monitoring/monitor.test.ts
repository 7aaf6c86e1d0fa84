import { describe, expect, it, vi } from "vitest";
import { Monitor } from "../../../src/monitoring/monitor.ts";
import { identityOf } from "../../../src/monitoring/process-identity.ts";
import { openChat } from "../../kit/fakes/fake-client.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

const LIMITS = { maxLoopDelayMs: 0, memory: undefined };

/** A watch on a stream that the test controls; it does not report by itself. */
function openWatch() {
  const { chat, log: store } = openChat();
  const monitor = new Monitor(chat, store, identityOf(store.instance, {}), LIMITS);
  afterwards(() => monitor.stop());
  return { watch: monitor, log: store, chat };
}

/** What a process of that name would report. */
function reportOf(monitor: Monitor, instance: string): string {
  return JSON.stringify({ ...monitor.vitals, identity: { ...monitor.vitals.identity, instance } });
}

function instancesOf(fleet: Awaited<ReturnType<Monitor["fleet"]>>): string[] {
  return fleet.map(({ identity }) => identity.instance);
}

describe("a process that watches", () => {
  it("sees itself as it is now, and the others as they reported", async () => {
    const { watch: monitor, log: store, chat } = openWatch();
    store.reported.set(store.instance, reportOf(monitor, store.instance));
    store.reported.set("another", reportOf(monitor, "another"));
    chat.counters.messages = 7;
    const fleet = await monitor.fleet();
    expect(instancesOf(fleet)).toEqual([store.instance, "another"]);
    expect(fleet.map(({ counts }) => counts["messages"])).toEqual([7, 0]);
  });

  it("leaves out what it does not understand", async () => {
    const { watch: monitor, log: store } = openWatch();
    store.reported.set("client", "hello");
    store.reported.set("another", '{"identity":{"instance":"another"}}');
    expect(instancesOf(await monitor.fleet())).toEqual([store.instance]);
  });

  it("sees itself alone while the store is away", async () => {
    const { watch: monitor, log: store } = openWatch();
    store.reported.set("another", reportOf(monitor, "another"));
    store.failing = true;
    expect(instancesOf(await monitor.fleet())).toEqual([store.instance]);
  });

  it("asks the store once for many who ask at once", async () => {
    const { watch: monitor, log: store } = openWatch();
    await Promise.all(Array.from({ length: 50 }, () => monitor.fleet()));
    expect(store.calls.filter((call) => call === "processReports")).toHaveLength(1);
  });

  it("reports when the store is live, every 5 s, and again as soon as it is back", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    afterwards(() => vi.useRealTimers());
    const { watch: monitor, log: store } = openWatch();
    const reportsWithin = (ms: number): boolean => {
      store.reported.clear();
      vi.advanceTimersByTime(ms);
      return store.reported.has(store.instance);
    };
    store.down();
    monitor.start({ count: 3, drain: { begun: true } });
    expect(reportsWithin(10_000)).toBe(false);
    await store.up();
    expect(reportsWithin(500)).toBe(true);
    expect(JSON.parse(store.reported.get(store.instance) ?? "")).toMatchObject({
      sockets: 3,
      draining: true,
    });
    expect(reportsWithin(4_500)).toBe(false);
    expect(reportsWithin(500)).toBe(true);
    store.down();
    expect(reportsWithin(500)).toBe(false);
    await store.up();
    expect(reportsWithin(500)).toBe(true);
  });
});
