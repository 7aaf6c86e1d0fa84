import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Person } from "../../../src/protocol/frames.ts";
import { PresenceBatcher } from "../../../src/store/redis/presence/presence-batcher.ts";

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"],
  });
  return () => vi.useRealTimers();
});

function recorded() {
  const written: (readonly [string, readonly (readonly [string, Person | undefined])[]])[] = [];
  const batcher = new PresenceBatcher(async (room, changes) => {
    written.push([room, [...changes]]);
  });
  return { announcements: batcher, written };
}

function person(id: string): Person {
  return { id, handle: id.toUpperCase() };
}

describe("comings and goings", () => {
  it("are written before the turn ends after a quiet time, and together while it is busy", async () => {
    const { announcements: batcher, written } = recorded();
    void batcher.announce("lobby", "ann", person("ann"));
    await vi.advanceTimersByTimeAsync(0);
    expect(written).toEqual([["lobby", [["ann", person("ann")]]]]);
    void batcher.announce("lobby", "ben", person("ben"));
    await vi.advanceTimersByTimeAsync(60);
    void batcher.announce("lobby", "cem", person("cem"));
    void batcher.announce("attic", "cem", person("cem"));
    expect(written).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(40);
    expect(written.slice(1)).toEqual([
      [
        "lobby",
        [
          ["ben", person("ben")],
          ["cem", person("cem")],
        ],
      ],
      ["attic", [["cem", person("cem")]]],
    ]);
  });

  it("of one person: the last one counts, in its place", async () => {
    const { announcements: batcher, written } = recorded();
    for (const someone of [person("ann"), undefined]) void batcher.announce("lobby", "ann", someone);
    void batcher.announce("lobby", "ben", person("ben"));
    void batcher.announce("lobby", "ann", { id: "ann", handle: "Anna" });
    await vi.advanceTimersByTimeAsync(0);
    expect(written).toEqual([
      [
        "lobby",
        [
          ["ben", person("ben")],
          ["ann", { id: "ann", handle: "Anna" }],
        ],
      ],
    ]);
  });

  it("are known to be written when they are", async () => {
    let finish = (): void => undefined;
    const batcher = new PresenceBatcher(() => new Promise((resolve) => (finish = resolve)));
    let done = false;
    void batcher.announce("lobby", "ann", person("ann")).then(() => (done = true));
    await vi.advanceTimersByTimeAsync(0);
    expect(done).toBe(false);
    finish();
    await vi.advanceTimersByTimeAsync(0);
    expect(done).toBe(true);
  });
});
