import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { GuestLimits, RoomGuests } from "../../src/store/guest-limits.ts";
import { randomIncrement } from "../../src/store/random-increment.ts";
import { Keys } from "../../src/store/redis/keys.ts";
import { appendScript } from "../../src/store/redis/messages/append-script.ts";
import type { Append } from "../../src/store/store.ts";
import { seededRandom } from "../kit/fakes/seeded-random.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { open, ownRedis } from "./open-redis-store.ts";
import { message, ROOMY } from "./open-store.ts";

const LIMITS = { ...ROOMY, addressMessagesPerSecond: 6, roomGuestMessagesPerSecond: 10 };

describe("the limits of guests in Redis", () => {
  it("decide as the embedded store does", async () => {
    // The server's clock is in the test's hand: the last argument is its time in ms.
    const { body } = appendScript(LIMITS, "a-secret-of-this-test_", new Keys("test:"));
    const time = "{ math.floor(ARGV[#ARGV] / 1000), (ARGV[#ARGV] % 1000) * 1000 }";
    const script = body.replace("call('TIME')", time);
    const client = new Redis((await ownRedis()).url);
    afterwards(() => client.disconnect());
    const limits = new GuestLimits(LIMITS);
    const rooms = [new RoomGuests(), new RoomGuests()];
    const random = seededRandom(1);
    let now = Date.now();
    for (let i = 0; i < 2_000; i += 1) {
      // Bursts, and pauses of up to two seconds.
      now += random() < 0.9 ? 0 : Math.floor(random() * 2_000);
      const network = `192.0.2.${Math.floor(random() * 4)}`;
      const room = rooms[i % 3 === 0 ? 0 : 1] ?? new RoomGuests();
      const name = rooms.indexOf(room);
      const sender = [`younger:${i}`, `older:${i}`, `handles:${name}`, `access:${name}`];
      const keys = [`log:${name}`, ...sender, `guests:${name}`, `address:${network}`];
      const args = [now + 1_000, "", '"type":"message"}', randomIncrement(), "", "", now];
      const reply = await client.eval(script, keys.length, ...keys, ...args);
      const refusal = limits.refusal(room, network, now);
      if (refusal === undefined) {
        limits.stored(room, network, now);
        expect(reply, `message ${i}`).toEqual(["stored", expect.any(String), expect.any(Number)]);
      } else {
        // Both round up, after other roundings.
        const waitMs = [-1, 0, 1].map((difference) => refusal.retryAfterMs + difference);
        expect(waitMs.map((wait) => ["rate-limited", wait, refusal.limit])).toContainEqual(reply);
      }
    }
  });

  it("hold an address over all processes", async () => {
    const redis = await ownRedis();
    const limits = { addressMessagesPerSecond: 6 };
    const one = await open({ redis, limits, prefix: "shared:" });
    const other = await open({ redis, limits, prefix: "shared:" });
    const tries = Array.from({ length: 100 }, (_, i) =>
      (i % 2 === 0 ? one : other).log.append(guestsMessage(`guest${i}`)),
    );
    const stored = (await Promise.all(tries)).filter(({ outcome }) => outcome === "stored");
    expect(stored.length).toBeGreaterThanOrEqual(30);
    expect(stored.length).toBeLessThan(45);
  });

  it("keep no address in Redis, and a digest of it for less than a minute", async () => {
    const redis = await ownRedis();
    const limits = { addressMessagesPerSecond: 60, roomGuestMessagesPerSecond: 100 };
    const { log: store } = await open({ redis, limits, prefix: "digest:" });
    for (let i = 0; i < 100; i += 1) await store.append(guestsMessage(`guest${i}`));
    const keys = (await redis.cli("keys", "*")).split("\n");
    expect(keys.join(" ")).not.toContain("198.51.100.7");
    const [address = "", ...more] = keys.filter((key) => key.startsWith("digest:address:"));
    expect([address, more]).toEqual([expect.stringMatching(/^digest:address:[\w-]{16}$/), []]);
    for (const key of [address, "digest:{lobby}:guests"]) {
      const ttlMs = Number(await redis.cli("pttl", key));
      expect(ttlMs, key).toBeGreaterThan(0);
      expect(ttlMs, key).toBeLessThan(60_000);
    }
  });

  it("let a message through, or refuse it, also where Redis is full", async () => {
    const redis = await ownRedis();
    const { log: store } = await open({ redis, limits: { addressMessagesPerSecond: 1 } });
    const key = "k";
    const stored = await store.append({ ...guestsMessage("guest"), key });
    for (let i = 0; i < 9; i += 1) await store.append(guestsMessage(`guest${i}`));
    await redis.cli("config", "set", "maxmemory", "1");
    expect((await store.append(guestsMessage("late"))).outcome).toBe("rate-limited");
    expect((await store.append(message("of others"))).outcome).toBe("storage-full");
    expect(await store.append({ ...guestsMessage("guest"), key })).toEqual({
      ...stored,
      outcome: "duplicate",
    });
  });
});

function guestsMessage(user: string): Append {
  return message("hi", { user, guest: { network: "198.51.100.7" } });
}
