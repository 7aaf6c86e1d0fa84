import { expect, it } from "vitest";
import { startOwnRedis } from "../kit/fleet.ts";
import { startServer } from "../kit/server.ts";
import { connectV1 } from "../kit/v1-client.ts";
import { waitFor } from "../kit/wait-for.ts";

it("WEB_CONCURRENCY processes share the port, a crashed one is replaced, and SIGTERM ends all with 0", async () => {
  const redis = await startOwnRedis();
  const server = await startServer({ env: { REDIS_URL: redis.url, WEB_CONCURRENCY: "2" } });
  const workers = () =>
    server.logs().flatMap((line) => (line["event"] === "listening" ? [Number(line["pid"])] : []));
  await waitFor(() => workers().length === 2, "two workers listen");
  expect(workers()).not.toContain(server.pid);
  await server.ready();

  const clients = await Promise.all(
    Array.from({ length: 6 }, () => connectV1(server.wsUrl, { room: "lobby" })),
  );
  await clients[0]!.say("lobby", "before");
  await Promise.all(clients.map((client) => client.waitForText("before")));

  process.kill(workers()[0]!, "SIGKILL");
  await server.waitForLog((line) => line["event"] === "worker-exit" && line["signal"] === "SIGKILL");
  await waitFor(() => workers().length === 3, "another worker listens");
  const others = clients.filter(({ connection }) => connection.socket.readyState === 1);
  const back = await connectV1(server.wsUrl, { room: "lobby" });
  await waitFor(() => back.say("lobby", "after").catch(() => undefined), "a message is stored");
  await Promise.all([back, ...others].map((client) => client.waitForText("after")));

  server.kill("SIGTERM");
  expect(await server.exit).toEqual({ code: 0, signal: null });
});
