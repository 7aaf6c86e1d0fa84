import { describe, expect, it } from "vitest";
import { startRedis, type TestRedis } from "../kit/servers/redis.ts";
import { rewritingProxy } from "../kit/servers/rewriting-proxy.ts";
import { runServer, startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

async function ownRedis(...args: string[]): Promise<TestRedis> {
  const redis = await startRedis({ args });
  afterwards(() => redis.stop());
  return redis;
}

describe("a start", () => {
  it.each(["1", "2"])(
    "with a Redis that is too old ends with one line, with %s processes",
    async (workers) => {
      const redis = await ownRedis();
      const version = /redis_version:(\S+)/.exec(await redis.cli("INFO", "server"))?.[1] ?? "";
      const old = `6.0.${"9".repeat(version.length - 4)}`;
      const proxy = await rewritingProxy(redis.port, `redis_version:${version}`, `redis_version:${old}`);
      const env = { PORT: "0", REDIS_URL: `redis://127.0.0.1:${proxy.port}`, WEB_CONCURRENCY: workers };
      const { code, output } = await runServer({ env });
      expect(code).toBe(1);
      const sentences = output.filter((line) => line.startsWith("dynochat does not start"));
      expect(sentences).toEqual([
        `dynochat does not start: Redis ${old} is too old; upgrade it to 6.2 or newer`,
      ]);
      expect(output.at(-1)).toBe(sentences[0]);
    },
  );
});

describe("a process", () => {
  it("whose Redis refuses it logs each reason once, and tells it where it is asked whether it is ready", async () => {
    const redis = await ownRedis("--cluster-enabled", "yes");
    const server = await startServer({ env: { REDIS_URL: redis.url } });
    const tries = async () =>
      Number(/cmdstat_info:calls=(\d+)/.exec(await redis.cli("INFO", "commandstats"))?.[1] ?? 0);
    const before = await tries();
    // Each attempt asks INFO once, and so does each look at how many there were.
    let looks = 0;
    const enough = async (): Promise<boolean> => {
      looks += 1;
      return (await tries()) - before - looks >= 4;
    };
    await waitFor(enough, "four attempts", 20_000);
    const lines = server.logs().filter(({ reason }) => /cluster/.test(String(reason)));
    expect(new Set(lines.map(({ event, state }) => `${event} ${state}`)).size).toBe(lines.length);
    const answer = await fetch(`${server.url}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toMatch(/cluster/);
  });

  it("whose Redis evicts warns once, and tells it on the operator's page", async () => {
    const redis = await ownRedis("--maxmemory-policy", "volatile-lru");
    const key = "0123456789abcdef";
    const server = await startServer({ env: { REDIS_URL: redis.url, API_KEYS: key } });
    await server.waitForLog(({ event }) => event === "redis-server", "the warning");
    const headers = { authorization: `Bearer ${key}` };
    await waitFor(async () => {
      const fleet = await fetch(`${server.url}/status/fleet`, { headers });
      return /volatile-lru.*noeviction/.test(await fleet.text());
    }, "the page is told");
    expect(server.logs().filter(({ event }) => event === "redis-server")).toHaveLength(1);
  });
});
