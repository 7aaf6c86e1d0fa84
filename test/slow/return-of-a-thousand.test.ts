import { expect, it } from "vitest";
import { connectV1, type V1Client } from "../kit/clients/v1-client.ts";
import { startFleet } from "../kit/servers/fleet.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const ROOMS = ["red", "blue"];
const CLIENTS = 1_000;
/** Reads of the newest rule for all rooms: one for the rooms that open, and one every 5 s. */
const RULE_READS = 3;
const ENV = {
  MESSAGES_PER_SECOND: "0",
  MAX_CONNECTIONS_PER_ADDRESS: "0",
  CONNECTS_PER_SECOND_PER_ADDRESS: "0",
  LOG_LEVEL: "warn",
};

/** How often Redis was asked for entries since its counts were set back. */
async function readsOf(redis: TestRedis): Promise<number> {
  const stats = await redis.cli("INFO", "commandstats");
  const calls = [...stats.matchAll(/^cmdstat_x(?:rev)?range:calls=(\d+)/gm)].map(([, count]) =>
    Number(count),
  );
  return calls.reduce((sum, count) => sum + count, 0);
}

it("a thousand clients that return at once after a restart all recover, at two reads of the store per room", async () => {
  const { redis, servers } = await startFleet(1, { env: ENV });
  const cursors = new Map<string, string>();
  const missed: string[] = [];
  for (const room of ROOMS) {
    const writer = await connectV1(servers[0]!.wsUrl, { room });
    for (let n = 0; n < 120; n += 1) {
      const { id } = await writer.say(room, `message ${n}`);
      // Half of it was seen before the restart.
      if (n === 59) cursors.set(room, id);
      if (n > 59 && room === ROOMS[0]) missed.push(`message ${n}`);
    }
  }
  servers[0]!.kill();
  await servers[0]!.exit;

  const next = await startServer({ env: { REDIS_URL: redis.url, ...ENV } });
  await next.ready();
  await redis.cli("CONFIG", "RESETSTAT");
  const clients: V1Client[] = [];
  while (clients.length < CLIENTS)
    clients.push(...(await Promise.all(Array.from({ length: 100 }, () => connectV1(next.wsUrl)))));
  // All of it is there before the process looks at any, however long the sending takes.
  next.kill("SIGSTOP");
  const answers = clients.map((client, n) => {
    const room = ROOMS[n % ROOMS.length]!;
    return client.request({ type: "join", room, after: cursors.get(room)!, limit: 200 });
  });
  const isSent = () => clients.every(({ connection }) => connection.socket.bufferedAmount === 0);
  await waitFor(isSent, "everybody has asked");
  next.kill("SIGCONT");
  const begun = performance.now();
  const joins = await Promise.all(answers);
  const ms = Math.round(performance.now() - begun);
  for (const joined of joins) {
    expect(joined).toMatchObject({ type: "joined", recovered: true, more: false });
    if (joined.type === "joined") {
      const texts = joined.messages.map((entry) => (entry.type === "message" ? entry.text : ""));
      expect(texts).toEqual(missed);
    }
  }
  const reads = await readsOf(redis);
  process.stdout.write(`${CLIENTS} clients back in ${ROOMS.length} rooms: ${reads} reads, ${ms} ms\n`);
  expect(reads).toBeLessThanOrEqual(2 * ROOMS.length + RULE_READS);
});
