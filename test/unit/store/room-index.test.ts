import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Keys } from "../../../src/store/redis/keys.ts";
import { RoomIndex } from "../../../src/store/redis/retention/room-index.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** An index, and the rooms of each script that it ran. */
function fixture() {
  const redis = new Redis({ lazyConnect: true });
  const written: unknown[][] = [];
  vi.spyOn(redis, "evalsha").mockImplementation(async (...args: unknown[]) => {
    written.push(args.slice(5).filter((_, index) => index % 2 === 1));
    return 1;
  });
  const index: RoomIndex = new RoomIndex(new Keys(""), 1_000, 200, () => void index.writeNew(redis));
  return { index, redis, written };
}

describe("the list of rooms in Redis", () => {
  it("gets all rooms that are new within 200 ms by one script, and the same rooms again with the next flush only", async () => {
    const { index, redis, written } = fixture();
    index.note("attic", "1-1");
    await vi.advanceTimersByTimeAsync(100);
    index.note("lobby", "2-1");
    await vi.advanceTimersByTimeAsync(99);
    expect(written).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(written).toEqual([["attic", "lobby"]]);
    index.note("lobby", "3-1");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(written).toHaveLength(1);
    await index.flush(redis);
    expect(written[1]).toEqual(["lobby"]);
  });

  it("gets a room soon that had no messages between two flushes", async () => {
    const { index, redis, written } = fixture();
    index.note("lobby", "1-1");
    await vi.advanceTimersByTimeAsync(200);
    await index.flush(redis);
    index.note("lobby", "2-1");
    await vi.advanceTimersByTimeAsync(200);
    expect(written).toEqual([["lobby"], ["lobby"]]);
  });
});
