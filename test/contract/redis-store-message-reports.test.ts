import { beforeAll, expect, it } from "vitest";
import { OPEN_REPORTS, REPORT_MS } from "../../src/store/message-reports.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { startReplica } from "../kit/servers/replica.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { open, ownRedis } from "./open-redis-store.ts";
import { newReport } from "./open-store.ts";

const NETWORK = "198.51.100.7";
const GUEST = { user: "gBen", handle: "Ben", kind: "guest" } as const;

let redis: TestRedis;
beforeAll(async () => {
  redis = await ownRedis();
});

it("a report is seen and dismissed by every process, and kept once over all of them", async () => {
  const { log: one, prefix } = await open({ redis });
  const { log: two } = await open({ redis, prefix });
  const report = newReport({ by: GUEST });
  const first = await one.addReport(report, NETWORK);
  expect(first.outcome).toBe("stored");
  expect(await two.addReport(report, NETWORK)).toEqual({ ...first, outcome: "duplicate" });
  const [seen] = await two.messageReports(undefined, 10);
  expect(seen).toMatchObject(report);
  expect(await two.dismissReport(seen?.id ?? "")).toBe(true);
  expect(await one.messageReports(undefined, 10)).toEqual([]);
});

it("of dismissed reports nothing is left but the last id, and no address is ever stored", async () => {
  const { log: store, prefix } = await open({ redis });
  const added = await store.addReport(newReport({ by: GUEST }), NETWORK);
  const id = "id" in added ? added.id : "";
  const stored = await redis.cli("HGETALL", `${prefix}reports`);
  expect(stored).toContain("twice");
  expect(stored).not.toContain(NETWORK);
  await store.dismissReport(id);
  expect(await redis.cli("HGETALL", `${prefix}reports`)).toBe(`last\n${id}`);
  expect(await redis.cli("EXISTS", `${prefix}reports:order`, `${prefix}reports:guests`)).toBe("0");
});

it("a report is gone after 30 days, and counts for nobody then", async () => {
  const { log: store, prefix } = await open({ redis });
  const [reports, order, guests] = ["reports", "reports:order", "reports:guests"].map((key) => prefix + key);
  const at = String(Date.now() - REPORT_MS - 1_000);
  const json = JSON.stringify(newReport({ by: GUEST }));
  for (const key of [order, guests]) await redis.cli("ZADD", key ?? "", at, at);
  await redis.cli("HSET", reports ?? "", at, `${at} gBen somewhere lobby ${newReport().message} ${json}`);
  await redis.cli("HSET", reports ?? "", "ugBen", String(OPEN_REPORTS.user), "last", at);
  await redis.cli("HSET", reports ?? "", `mgBen lobby ${newReport().message}`, at);
  expect(await store.messageReports(undefined, 10)).toEqual([]);
  expect(await store.messageReport(at)).toBeUndefined();
  expect((await store.addReport(newReport({ by: GUEST }), NETWORK)).outcome).toBe("stored");
  expect(await redis.cli("HEXISTS", reports ?? "", at)).toBe("0");
  expect(Number(await redis.cli("PTTL", reports ?? ""))).toBeGreaterThan(REPORT_MS - 60_000);
});

it("a full server refuses a report and changes nothing, and takes what is dismissed", async () => {
  const own = await ownRedis({ args: ["--maxmemory-policy", "noeviction"] });
  const { log: store, prefix } = await open({ redis: own });
  const added = await store.addReport(newReport(), undefined);
  const everything = async () =>
    Promise.all([own.cli("HGETALL", `${prefix}reports`), own.cli("ZCARD", `${prefix}reports:order`)]);
  const before = await everything();
  await own.cli("CONFIG", "SET", "maxmemory", "1");
  expect(await store.addReport(newReport({ message: "2-1" }), NETWORK)).toEqual({ outcome: "storage-full" });
  expect(await everything()).toEqual(before);
  expect(await store.messageReports(undefined, 10)).toHaveLength(1);
  expect(await store.dismissReport("id" in added ? added.id : "")).toBe(true);
  expect(await store.messageReports(undefined, 10)).toEqual([]);
});

it("what a client wrote among the reports is skipped", async () => {
  const { log: store, prefix, logger } = await open({ redis });
  await store.addReport(newReport(), undefined);
  const id = String(Date.now() + 5_000);
  await redis.cli("ZADD", `${prefix}reports:order`, id, id);
  await redis.cli("HSET", `${prefix}reports`, id, "no report");
  expect(await store.messageReports(undefined, 10)).toHaveLength(1);
  expect(logger.lines.some(({ sentence }) => sentence.includes("skipped a report"))).toBe(true);
});

it("a report is stored once a replica has it, where replicas are wanted", async () => {
  const master = await ownRedis();
  const replica = await startReplica(master);
  const times = { ackMs: 1_500, waitMs: 1_000, inStepMs: 1_100, behindMs: 1_100 };
  const { log: store } = await open({ redis: master, minReplicas: 1, times });
  expect(await store.addReport(newReport(), undefined)).toMatchObject({ outcome: "stored" });
  replica.freeze();
  afterwards(() => replica.thaw());
  const later = newReport({ message: "2-1" });
  expect(await store.addReport(later, undefined)).toEqual({ outcome: "unavailable" });
  replica.thaw();
  // It was stored: the same report again finds out.
  await waitFor(
    async () => (await store.addReport(later, undefined)).outcome === "duplicate",
    "the replica has the report",
  );
});
