import type { Redis } from "ioredis";
import { beforeAll, describe, expect, it } from "vitest";
import { readClientUse, tightness } from "../../src/store/redis/node/client-limit.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { open, ownRedis } from "./open-redis-store.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await ownRedis();
});

it("each process reads what all of them say of themselves, until they are closed", async () => {
  const { log: one, prefix } = await open({ redis });
  const { log: two } = await open({ redis, prefix });
  await one.reportProcess("one");
  await two.reportProcess("two");
  expect((await one.processReports()).sort()).toEqual(["one", "two"]);
  await two.close();
  expect(await one.processReports()).toEqual(["one"]);
});

it("what a dead process said is forgotten, and what a client wrote is not believed", async () => {
  const { log: store, prefix } = await open({ redis });
  const { log: dying } = await open({ redis, prefix });
  // Writes nothing: the whole hash would expire as soon as that.
  const { log: reader } = await open({ redis, prefix, times: { reportMs: 200 } });
  await dying.reportProcess("still here");
  await redis.cli("HSET", `${prefix}processes`, "client", "no time before it");
  const left = await waitFor(async () => {
    await store.reportProcess("alive");
    const reports = await reader.processReports();
    return reports.length === 1 && reports;
  }, "only the running one is left");
  expect(left).toEqual(["alive"]);
  expect(await redis.cli("HLEN", `${prefix}processes`)).toBe("1");
});

describe("the server's limit of connections", () => {
  async function warningsOn(args: readonly string[]): Promise<object[]> {
    const own = await ownRedis({ args });
    const { log: store, logger } = await open({ redis: own });
    for (let report = 0; report < 3; report += 1) await store.reportProcess("here");
    return logger.lines
      .filter(({ fields }) => "event" in fields && fields.event === "redis-connections")
      .map(({ fields }) => fields);
  }

  it("is compared with what a deploy needs, and said once where it is near", async () => {
    expect(await warningsOn(["--maxclients", "4"])).toEqual([
      { event: "redis-connections", processes: 1, needed: 4, limit: 4 },
    ]);
  });

  it("is not spoken of where there is room", async () => {
    expect(await warningsOn(["--maxclients", "100"])).toEqual([]);
  });

  it.each([
    ["twenty connections, four processes: sixteen are enough", 20, 8, 4, undefined],
    ["twenty connections, five processes", 20, 10, 5, 20],
    ["twenty connections, two processes and twelve connections of others", 20, 16, 2, 20],
    ["the limit is unknown", undefined, 1_000, 500, undefined],
  ])("%s", (_case, limit, connected, processes, needed) => {
    expect(tightness({ limit, connected }, processes, 2)).toBe(needed);
  });

  it.each([
    ["a list", async () => ["maxclients", "20"], 20],
    ["an object", async () => ({ maxclients: "20" }), 20],
    ["nothing, because it is forbidden", async () => Promise.reject(new Error("NOPERM")), undefined],
  ])("is asked of a server before Redis 7 by CONFIG, which answers with %s", async (_case, config, limit) => {
    const old = { info: async () => "# Clients\r\nconnected_clients:3\r\n", config };
    expect(await readClientUse(old as unknown as Redis)).toEqual({ limit, connected: 3 });
  });

  it("is not needed: where CONFIG is forbidden nothing is said and nothing fails", async () => {
    const own = await ownRedis({ args: ["--rename-command", "CONFIG", ""] });
    const { log: store, logger } = await open({ redis: own });
    for (let report = 0; report < 3; report += 1) await store.reportProcess("here");
    expect(logger.lines.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
    expect(await store.processReports()).toEqual(["here"]);
  });
});
