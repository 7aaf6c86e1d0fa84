import { expect, it } from "vitest";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { connectV1 } from "../kit/clients/v1-client.ts";
import { startFleet, startOwnRedis } from "../kit/servers/fleet.ts";
import { metricsOf } from "../kit/servers/metrics.ts";
import { startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

/** Processes report every 5 s; a busy machine needs longer. */
const REPORTED_MS = 20_000;

const KEY = "a-key-of-the-operator";

it("the metrics add up: messages times members are deliveries, over all processes, whichever is asked", async () => {
  const { servers } = await startFleet(2, { env: { MESSAGES_PER_SECOND: "0" } });
  const rooms = [
    { name: "large", members: 12, messages: 30 },
    { name: "small", members: 3, messages: 50 },
    { name: "lonely", members: 1, messages: 5 },
  ];
  for (const { name, members, messages } of rooms) {
    const clients = await Promise.all(
      Array.from({ length: members }, (_, n) => connectV1(servers[n % 2]!.wsUrl, { room: name })),
    );
    for (let n = 0; n < messages; n += 1) await clients[n % members]!.say(name, `message ${n}`);
    await Promise.all(clients.map((client) => client.waitForText(`message ${messages - 1}`)));
  }
  const plain = await connectPlain(servers[0]!.wsUrl, { query: { room: "lonely" } });
  await plain.waitFor(({ text }) => text === "message 4", "the plain client has what was there");

  const sent = rooms.reduce((sum, { messages }) => sum + messages, 0);
  const shown = rooms.reduce((sum, { members, messages }) => sum + members * messages, 0);
  for (const { url } of servers) {
    const metrics = await waitFor(
      async () => {
        const read = await metricsOf(url);
        return read.sum("dynochat_messages_total") >= sent && read.sum("dynochat_deliveries_total") >= shown
          ? read
          : undefined;
      },
      "the other process has reported",
      REPORTED_MS,
    );
    expect(metrics.values("dynochat_sockets", "process")).toHaveLength(2);
    const own = await metricsOf(url, {}, "?scope=process");
    expect(own.values("dynochat_sockets", "process")).toHaveLength(1);
    expect(own.sum("dynochat_messages_total")).toBeLessThan(sent);
    expect(metrics.sum("dynochat_messages_total")).toBe(sent);
    expect(metrics.sum("dynochat_deliveries_total")).toBe(shown);
    expect(metrics.sum("dynochat_ack_seconds_count")).toBe(sent);
    expect(metrics.sum("dynochat_sockets")).toBe(12 + 3 + 1 + 1);
    expect(metrics.sum("dynochat_log_up")).toBe(2);
    expect(metrics.sum("dynochat_holes_total")).toBe(0);
  }
});

it("workers of one dyno are seen together, by the dyno's name", async () => {
  const redis = await startOwnRedis();
  const server = await startServer({ env: { REDIS_URL: redis.url, WEB_CONCURRENCY: "2", DYNO: "web.7" } });
  const metrics = await waitFor(
    async () => {
      const read = await metricsOf(server.url);
      return read.values("dynochat_sockets", "process").length === 2 ? read : undefined;
    },
    "both workers are seen",
    REPORTED_MS,
  );
  expect(metrics.values("dynochat_sockets", "dyno")).toEqual(["web.7"]);
});

it("a process whose Redis is away tells so, and answers for itself", async () => {
  const { redis, servers } = await startFleet(2);
  const { url } = servers[0]!;
  await waitFor(
    async () => (await metricsOf(url)).values("dynochat_log_up", "process").length === 2,
    "both are seen",
    REPORTED_MS,
  );
  await redis.kill();
  const metrics = await waitFor(async () => {
    const read = await metricsOf(url);
    return read.sum("dynochat_log_up") === 0 ? read : undefined;
  }, "the loss is seen");
  expect(metrics.values("dynochat_log_up", "process")).toHaveLength(1);
  expect(metrics.sum("dynochat_log_losses_total")).toBeGreaterThan(0);
  expect(metrics.values("dynochat_round_trip_age_seconds", "process")).toEqual([]);
});

it.each([
  ["open", undefined, 200],
  ["key", undefined, 401],
  ["key", "not-the-key-of-anybody", 401],
  ["key", KEY, 200],
  ["off", KEY, 404],
])("with METRICS=%s and the key %s the answer is %i", async (METRICS, key, status) => {
  const { url } = await startServer({ env: { METRICS, API_KEYS: KEY } });
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  expect((await fetch(`${url}/metrics`, { headers })).status).toBe(status);
});

it("answers of the HTTP interface are counted by status", async () => {
  const { url } = await startServer();
  for (const path of ["/api/rooms", "/api/rooms", "/api/nowhere"]) await fetch(url + path);
  const counted = await waitFor(async () => {
    const metrics = await metricsOf(url);
    return metrics.sum("dynochat_api_answers_total") === 3 ? metrics : undefined;
  }, "all three are counted");
  expect(counted.sum("dynochat_api_answers_total", { status: "200" })).toBe(2);
  expect(counted.sum("dynochat_api_answers_total", { status: "404" })).toBe(1);
});
