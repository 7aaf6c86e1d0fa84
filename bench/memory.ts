/**
 * What dynochat keeps in Redis, in bytes, measured on a real server by the difference of `used_memory`:
 *
 *     npx tsx bench/memory.ts            takes some minutes
 *     npx tsx bench/memory.ts --quick    a tenth of the messages
 *
 * 1. The keys remembered at 1,000 messages per second: ten minutes of it, sent as fast as Redis takes them, since
 *    what is remembered depends on the number of messages within ten minutes and not on their speed.
 * 2. 1,000 rooms of 1,000 messages each.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { RedisStore } from "../src/store/redis/redis-store.ts";
import { readMemory } from "../src/store/redis/retention/memory-use.ts";
import type { StoreLimits } from "../src/store/store.ts";
import { startRedis, type TestRedis } from "../test/kit/servers/redis.ts";

const PREFIX = "dynochat:";
/** As many as a process has under way on a busy day. */
const AT_ONCE = 500;
const SECONDS = 600;
const RATE = 1_000;
const ROOMS = 1_000;
const MESSAGES = 1_000;
/** Letters of a message's text: a line or two. */
const TEXT =
  "A message as people write them, some of them longer, most of them shorter, and about this much.";

/** The defaults, but for a rate that is counted and never reached: this sends faster than people do. */
const LIMITS: StoreLimits = {
  historyMessages: 1_000,
  historyDays: 30,
  historyBytes: 1024 * 1024,
  messagesPerSecond: 100_000,
  messageBurst: 100_000,
  addressMessagesPerSecond: 0,
  roomGuestMessagesPerSecond: 0,
};

const silent = { debug() {}, info() {}, warn() {}, error() {} };

interface Sent {
  readonly room: string;
  readonly user: string;
  readonly key: string | undefined;
}

/** Runs `work` with a stream on a server of its own. */
async function withLog<T>(work: (store: RedisStore, redis: Redis) => Promise<T>): Promise<T> {
  const server: TestRedis = await startRedis();
  const redis = new Redis(server.url);
  const store = new RedisStore({ url: server.url, prefix: PREFIX, tlsVerify: true }, LIMITS, silent);
  try {
    store.start({ async catchUp() {}, statusChanged() {} });
    while (store.status.state !== "live") await sleep(10);
    return await work(store, redis);
  } finally {
    await store.close();
    redis.disconnect();
    await server.stop();
  }
}

/** Appends `count` messages; throws if one is not stored. */
async function send(store: RedisStore, count: number, messageAt: (index: number) => Sent): Promise<void> {
  for (let start = 0; start < count; start += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, i) => {
      const { room, user, key } = messageAt(start + i);
      const body = JSON.stringify({ type: "message", room, user, handle: user, text: TEXT, key }).slice(1);
      return store.append({ room, user, key, body });
    });
    for (const { outcome } of await Promise.all(batch)) {
      if (outcome !== "stored") throw new Error(`not stored but ${outcome}`);
    }
  }
}

async function used(redis: Redis): Promise<number> {
  return (await readMemory(redis)).used;
}

/** Deletes the keys that match, and gives how many bytes that freed. */
async function cost(redis: Redis, pattern: string): Promise<number> {
  const before = await used(redis);
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", pattern, "COUNT", 1_000);
    if (keys.length > 0) await redis.del(...keys);
    cursor = next;
  } while (cursor !== "0");
  return before - (await used(redis));
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function user(index: number): string {
  return `g${index.toString().padStart(16, "0")}`;
}

/** Bytes of the keys remembered, and of the room's stream beside them. */
function keysOf(people: number, messages: number): Promise<{ keys: number; log: number }> {
  return withLog(async (store, redis) => {
    await send(store, messages, (index) => ({
      room: "lobby",
      user: user(index % people),
      // As long as the client library's.
      key: randomBytes(10).toString("hex"),
    }));
    return { keys: await cost(redis, `${PREFIX}*:sent:*`), log: await cost(redis, `${PREFIX}*:log`) };
  });
}

/** Bytes of many rooms' logs. */
function roomsOf(rooms: number, messages: number): Promise<number> {
  return withLog(async (store, redis) => {
    await send(store, rooms * messages, (index) => ({
      room: `room-${index % rooms}`,
      user: user(index % 10),
      key: undefined,
    }));
    await cost(redis, `${PREFIX}*:sent:*`);
    return cost(redis, `${PREFIX}*:log`);
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const share = process.argv.includes("--quick") ? 10 : 1;
  const messages = (SECONDS * RATE) / share;
  for (const people of [100, 1_000, 10_000]) {
    const { keys, log } = await keysOf(people, messages);
    const perMessage = (keys / messages).toFixed(0);
    say(
      `${messages} messages of ${people} people in one room: ${mb(keys)} of remembered keys ` +
        `(${perMessage} bytes per message), ${mb(log)} of log`,
    );
  }
  const rooms = ROOMS / share;
  const bytes = await roomsOf(rooms, MESSAGES);
  say(
    `${rooms} rooms of ${MESSAGES} messages of ${TEXT.length} letters: ${mb(bytes)} ` +
      `(${(bytes / rooms / MESSAGES).toFixed(0)} bytes per message)`,
  );
}

await main();
