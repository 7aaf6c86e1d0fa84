import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Person } from "../../../src/protocol.ts";
import { Announcements } from "../../../src/store/redis/presence/presence-batcher.ts";

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"],
  });
  return () => vi.useRealTimers();
});

function recorded() {
  const written: (readonly [string, readonly (readonly [string, Person | undefined])[]])[] = [];
  const announcements = new Announcements(async (room, changes) => {
    written.push([room, [...changes]]);
  });
  return { announcements, written };
}

function person(id: string): Person {
  return { id, handle: id.toUpperCase() };
}

describe("comings and goings", () => {
  it("are written before the turn ends after a quiet time, and together while it is busy", async () => {
    const { announcements, written } = recorded();
    void announcements.announce("lobby", "ann", person("ann"));
    await vi.advanceTimersByTimeAsync(0);
    expect(written).toEqual([["lobby", [["ann", person("ann")]]]]);
    void announcements.announce("lobby", "ben", person("ben"));
    await vi.advanceTimersByTimeAsync(60);
    void announcements.announce("lobby", "cem", person("cem"));
    void announcements.announce("attic", "cem", person("cem"));
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
    const { announcements, written } = recorded();
    for (const someone of [person("ann"), undefined]) void announcements.announce("lobby", "ann", someone);
    void announcements.announce("lobby", "ben", person("ben"));
    void announcements.announce("lobby", "ann", { id: "ann", handle: "Anna" });
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
    const announcements = new Announcements(() => new Promise((resolve) => (finish = resolve)));
    let done = false;
    void announcements.announce("lobby", "ann", person("ann")).then(() => (done = true));
    await vi.advanceTimersByTimeAsync(0);
    expect(done).toBe(false);
    finish();
    await vi.advanceTimersByTimeAsync(0);
    expect(done).toBe(true);
  });
});
