/**
 * `npx tsx bench/appends.ts`: how many messages per second one process gets stored through the store's
 * contract, beside what `redis-benchmark -P 16` gets of the same script on the same server, and how many
 * commands one message takes. About a minute; writes bench/appends.json and the table of docs/performance.md.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { requestedHandle } from "../src/chat/text/look-alike.ts";
import type { Logger } from "../src/logging/logger.ts";
import { Keys } from "../src/store/redis/keys.ts";
import { appendScript } from "../src/store/redis/messages/append-script.ts";
import { RedisStore } from "../src/store/redis/redis-store.ts";
import type { StoreLimits } from "../src/store/store.ts";
import { startRedis, type TestRedis } from "../test/kit/servers/redis.ts";
import { waitFor } from "../test/kit/vitest/wait-for.ts";
import { intoDocument } from "./report/document.ts";
import { thisMachine } from "./report/machine.ts";
import { median } from "./statistics.ts";

const REPETITIONS = 5;
const MESSAGES = 100_000;
/** Pending appends; redis-benchmark's 50 connections have 16 each. */
const AT_ONCE = 800;
const BODY = `"type":"message","room":"lobby","user":"u","handle":"h","text":"${"x".repeat(100)}"}`;

/** A handle that only one user requests, as nearly all handles are. */
const HANDLE = "0user\nh";

/** The program's defaults, with a rate that no user reaches; it is computed nevertheless. */
const LIMITS: StoreLimits = {
  historyMessages: 1_000,
  historyDays: 30,
  historyBytes: 2 ** 20,
  messagesPerSecond: 100_000,
  messageBurst: 100_000,
  addressMessagesPerSecond: 0,
  roomGuestMessagesPerSecond: 0,
};

const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const script = appendScript(LIMITS, "a-secret-of-the-bench_", new Keys("dynochat:"));
const ours: number[] = [];
const theirs: number[] = [];
let commands = 0;
for (let run = 0; run < REPETITIONS; run += 1) {
  theirs.push(await onFreshRedis(benchmarked));
  ours.push(await onFreshRedis(appended));
}
const [contract, bare] = [median(ours), median(theirs)];
const result = { contract, bare, ratio: contract / bare, commandsPerMessage: commands };
const report = { measured: new Date().toISOString(), machine: thisMachine(), ...result, ours, theirs };
writeFileSync(
  fileURLToPath(new URL("./appends.json", import.meta.url)),
  `${JSON.stringify(report, undefined, 2)}\n`,
);
intoDocument(
  "appends",
  [
    "| appends per second, one process | redis-benchmark -P 16, same script | ratio | commands per message |",
    "| ---: | ---: | ---: | ---: |",
    `| ${thousands(contract)} | ${thousands(bare)} | ${(contract / bare).toFixed(2)} | ${commands.toFixed(2)} |`,
  ].join("\n"),
);
process.stdout.write(
  `${thousands(contract)} appends/s, redis-benchmark ${thousands(bare)}: ${(contract / bare).toFixed(2)}\n`,
);

async function onFreshRedis(measure: (redis: TestRedis) => Promise<number>): Promise<number> {
  const redis = await startRedis();
  try {
    return await measure(redis);
  } finally {
    await redis.stop();
  }
}

async function appended(redis: TestRedis): Promise<number> {
  const options = { url: redis.url, prefix: "bench:", tlsVerify: true };
  const store = new RedisStore(options, LIMITS, SILENT);
  store.start({
    catchUp: async () => undefined,
    statusChanged: ignore,
  });
  try {
    await waitFor(() => store.status.state === "live", "the store is live");
    await appendMany(store, MESSAGES / 5);
    const before = await processed(redis);
    const began = performance.now();
    await appendMany(store, MESSAGES);
    const seconds = (performance.now() - began) / 1_000;
    commands = ((await processed(redis)) - before) / MESSAGES;
    return MESSAGES / seconds;
  } finally {
    await store.close();
  }
}

/** Appends as `AT_ONCE` users, each of whom sends the next message when the one before is stored. */
async function appendMany(store: RedisStore, messages: number): Promise<void> {
  let left = messages;
  const one = async (_: unknown, person: number): Promise<void> => {
    const requested = requestedHandle(`h${person}`);
    while (left > 0) {
      left -= 1;
      const key = randomBytes(9).toString("base64url");
      const { outcome } = await store.append({
        room: "lobby",
        user: `u${person}`,
        key,
        body: BODY,
        requested,
      });
      if (outcome !== "stored") throw new Error(`a message was not stored: ${outcome}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** Returns the number of EVALSHA calls that Redis carried out. */
async function processed(redis: TestRedis): Promise<number> {
  const stats = await redis.cli("info", "commandstats");
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

async function benchmarked(redis: TestRedis): Promise<number> {
  const sha = (await redis.cli("script", "load", script.body)).trim();
  const keys = [
    "bench:{lobby}:log",
    "bench:{lobby}:u__rand_int__:0",
    "bench:{lobby}:u__rand_int__:1",
    "bench:{lobby}:handles",
  ];
  const args = [String(Date.now() + 3_600_000), "k__rand_int__", BODY, "7", HANDLE];
  const output = execFileSync(
    "redis-benchmark",
    [
      "-p",
      String(redis.port),
      "-P",
      "16",
      "-n",
      String(MESSAGES * 3),
      "-r",
      "1000000",
      "-q",
      "evalsha",
      sha,
      String(keys.length),
      ...keys,
      ...args,
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  const rate = /([\d.]+) requests per second/.exec(output)?.[1];
  if (rate === undefined) throw new Error(`redis-benchmark said ${output}`);
  return Number(rate);
}

function thousands(number: number): string {
  return Math.round(number).toLocaleString("en");
}

function ignore(): void {}
