import { describe, expect, it } from "vitest";
import { slugHere } from "../kit/platform/slug.ts";
import { ACTS } from "../rehearsal/acts.ts";
import { rehearse } from "../rehearsal/rehearsal.ts";
import { brokenLimits } from "../rehearsal/service-limits.ts";
import { keepSilent } from "../rehearsal/silent-sockets.ts";

describe("a year on the platform, in short", () => {
  it("loses, doubles and reorders nothing, and no planned restart keeps anybody from talking for long", {
    timeout: 300_000,
  }, async () => {
    const lines: string[] = [];
    const { findings, faults, measures, messages, deliveries } = await rehearse({
      slug: slugHere(),
      clients: 24,
      rooms: 4,
      pauseMs: 1_200,
      arrivalMs: 500,
      restMs: 300,
      maintenanceMs: 2_500,
      seed: 11,
      config: { SHUTDOWN_SECONDS: "4" },
      dynoTimes: { withdrawMs: 200 },
      say: (line) => lines.push(line),
    });
    const story = lines.join("\n");
    expect(findings.list, story).toEqual([]);
    expect(faults).toEqual({ lost: 0, doubled: 0, reordered: 0 });
    expect(brokenLimits(measures), story).toEqual([]);
    expect(measures.map(({ act }) => act)).toEqual(ACTS.map(({ name }) => name));
    // It was a rehearsal of something: people talked, moved, and were without service where they must have
    // been.
    expect(messages).toBeGreaterThan(200);
    expect(deliveries).toBeGreaterThan(5 * messages);
    const of = (act: string) => measures.find((measure) => measure.act === act)!;
    expect(of("deploy").reconnects).toBeGreaterThanOrEqual(24);
    expect(of("ps:scale web=2").reconnects).toBeGreaterThan(0);
    expect(of("Redis maintenance").interrupted).toBe(24);
    expect(of("SIGKILL for memory").interrupted).toBeGreaterThan(0);
  });
});

describe.concurrent("silent sockets", () => {
  const SHORT = { slug: slugHere(), each: 3 };

  it("stay open behind a router that cuts silent ones, of every kind", async () => {
    const outcome = await keepSilent({
      ...SHORT,
      config: { PING_SECONDS: "1" },
      // Pings come by a process that may stand still for a while.
      routerTimes: { idleMs: 8_000 },
      silentMs: 16_000,
    });
    expect(outcome).toEqual({ sockets: 12, ended: [] });
  });

  it("live because of the pings: with few of them the router cuts every one", async () => {
    const outcome = await keepSilent({
      ...SHORT,
      config: { PING_SECONDS: "50" },
      routerTimes: { idleMs: 2_500 },
      silentMs: 8_000,
    });
    expect(outcome.ended).toHaveLength(12);
  });
});
