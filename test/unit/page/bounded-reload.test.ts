import { describe, expect, it } from "vitest";
import { BoundedReload, type ReloadPorts } from "../../../src/page/connection/bounded-reload.ts";

/** A tab whose reloads are counted, and the pauses before them. */
function openTab(): { ports: ReloadPorts; pauses: number[]; reloads: () => number } {
  const kept = new Map<string, string>();
  const pauses: number[] = [];
  let reloads = 0;
  const ports: ReloadPorts = {
    storage: () => ({
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    }),
    later: (run, ms) => {
      pauses.push(ms);
      run();
    },
    reload: () => {
      reloads += 1;
    },
  };
  return { ports, pauses, reloads: () => reloads };
}

describe("a document that does not fit its script", () => {
  it("is loaded again five times in a row at most, each time after a longer pause", () => {
    const { ports, pauses, reloads } = openTab();
    for (let load = 0; load < 20; load += 1) new BoundedReload(ports).begin();
    expect(reloads()).toBe(5);
    expect(pauses).toEqual([500, 1_000, 1_500, 2_000, 2_500]);
  });

  it("is loaded again as often after one that fitted", () => {
    const { ports, reloads } = openTab();
    for (let load = 0; load < 20; load += 1) new BoundedReload(ports).begin();
    new BoundedReload(ports).reset();
    for (let load = 0; load < 20; load += 1) new BoundedReload(ports).begin();
    expect(reloads()).toBe(10);
  });

  it("is not loaded again where nothing can be counted", () => {
    const { ports, reloads } = openTab();
    const storage = () => {
      throw new Error("The storage is shut off.");
    };
    const reload = new BoundedReload({ ...ports, storage });
    reload.begin();
    reload.reset();
    expect(reloads()).toBe(0);
  });
});
