import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { compareIds, timeOf } from "../../src/protocol/ids.ts";
import { randomIncrement } from "../../src/store/random-increment.ts";
import { Keys } from "../../src/store/redis/keys.ts";
import { appendScript } from "../../src/store/redis/messages/append-script.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { promote, startReplica } from "../kit/servers/replica.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { ownRedis } from "./open-redis-store.ts";

/** The append script with the server's clock in the test's hand: the last argument is its time in ms. */
const SCRIPT = appendScript(
  {
    historyMessages: 100_000,
    historyDays: 1,
    historyBytes: 1_000_000_000,
    messagesPerSecond: 0,
    messageBurst: 0,
    addressMessagesPerSecond: 0,
    roomGuestMessagesPerSecond: 0,
  },
  "a-secret-of-this-test_",
  new Keys("test:"),
).body.replace("call('TIME')", "{ math.floor(ARGV[#ARGV] / 1000), (ARGV[#ARGV] % 1000) * 1000 }");

const BODY = '"type":"message"}';

/** A room whose log forks when `promote` takes the replica from its master. */
async function fork() {
  const master = await ownRedis();
  const replica = await startReplica(master);
  return { master, replica };
}

/** Appends one message at each of the given times, in order; gives their ids. */
async function busy(server: TestRedis, times: readonly number[], nonce: () => number): Promise<string[]> {
  const redis = new Redis(server.url);
  afterwards(() => redis.disconnect());
  const keys = ["{lobby}:log", "{lobby}:younger", "{lobby}:older", "{lobby}:handles", "{lobby}:access"];
  const ids: string[] = [];
  for (let start = 0; start < times.length; start += 500) {
    const replies = await Promise.all(
      times
        .slice(start, start + 500)
        .map((at) => redis.eval(SCRIPT, keys.length, ...keys, at + 1, "", BODY, nonce(), "", "", at)),
    );
    for (const reply of replies) {
      expect(reply).toEqual(["stored", expect.any(String), expect.any(Number)]);
      if (Array.isArray(reply)) ids.push(String(reply[1]));
    }
  }
  return ids;
}

function every(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function shared<T>(one: readonly T[], other: readonly T[]): number {
  const known = new Set(one);
  return new Set(other.filter((value) => known.has(value))).size;
}

/**
 * The master's last 3 s, at a message a millisecond, never reach the replica, whose clock is 3 s behind: once it is
 * promoted, it lives through the same milliseconds and more.
 */
async function failover(nonce: () => number) {
  const { master, replica } = await fork();
  const begin = 1_800_000_000_000;
  await busy(master, every(begin - 500, begin), nonce);
  await waitFor(
    async () => (await replica.cli("XLEN", "{lobby}:log")) === "500",
    "the replica has the beginning",
  );
  await promote(replica);
  const lost = await busy(master, every(begin, begin + 3_000), nonce);
  const kept = await busy(replica, every(begin - 3_000, begin + 3_000), nonce);
  return { lost, kept };
}

describe("two histories that forked", () => {
  it("share no id, where the promoted replica is 3 s behind in a busy room", async () => {
    const { lost, kept } = await failover(randomIncrement);
    expect(shared(lost.map(timeOf), kept.map(timeOf))).toBeGreaterThan(2_900);
    expect(shared(lost, kept)).toBe(0);
    for (const ids of [lost, kept]) expect(ids).toEqual([...ids].sort(compareIds));
  });

  it("would share most of them without a random step", async () => {
    const { lost, kept } = await failover(() => 1);
    expect(shared(lost, kept)).toBeGreaterThan(2_000);
  });
});
