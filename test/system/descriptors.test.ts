import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { expect, it } from "vitest";
import { connectV1 } from "../kit/clients/v1-client.ts";
import { metricsOf } from "../kit/servers/metrics.ts";
import { startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor, within } from "../kit/vitest/wait-for.ts";

/** Opens connections that never send a byte; fulfils when all are open, as far as the client knows. */
async function openSilent(port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(port, "127.0.0.1");
    afterwards(() => socket.destroy());
    socket.on("error", () => undefined);
    return socket;
  });
  await within(Promise.all(sockets.map((socket) => once(socket, "connect"))), "all are open");
  return sockets;
}

it("more silent connections than there are descriptors neither end the process nor keep other clients out", async () => {
  const server = await startServer({ descriptors: 300 });
  const capacity = await server.waitForLog(({ event }) => event === "capacity", "the capacity is said");
  expect(capacity).toMatchObject({ descriptors: 300, tcp: 200, sockets: 160, level: 40 });
  const ann = await connectV1(server.wsUrl, { room: "lobby" });
  const silent = await openSilent(server.port, 400);
  // Its own connection may be the idle one that is closed for another.
  const metrics = () => waitFor(() => metricsOf(server.url).catch(() => undefined), "/metrics answers");
  await waitFor(
    async () => (await metrics()).sum("dynochat_limited_total", { limit: "address-tcp" }) > 200,
    "connections are closed for others",
  );
  const ben = await connectV1(server.wsUrl, { room: "lobby" });
  await ben.say("lobby", "served all the same");
  await ann.waitForText("served all the same");
  const { sum } = await metrics();
  expect(sum("dynochat_tcp_connections")).toBeLessThanOrEqual(200);
  expect(sum("dynochat_sockets_limit")).toBe(160);
  await server.waitForLog(({ event }) => event === "tcp-limit", "the limit is said");
  for (const socket of silent) socket.destroy();
});

it("a process without a file descriptor goes on, says that it is overloaded, and recovers", async () => {
  const server = await startServer();
  const ann = await connectV1(server.wsUrl, { room: "lobby" });
  const used = readdirSync(`/proc/${server.pid}/fd`).length;
  const limited = spawnSync("prlimit", ["--pid", String(server.pid), `--nofile=${used}:`]);
  expect(limited.status).toBe(0);
  const silent = await openSilent(server.port, 20);
  const overload = () => server.logs().filter(({ event }) => event === "overload");
  await waitFor(() => overload().length === 1, "the overload is noticed");
  expect(overload()[0]?.["reason"]).toContain("no file descriptor");
  await ann.say("lobby", "served all the same");
  await ann.waitForText("served all the same");
  for (const socket of silent) socket.destroy();
  spawnSync("prlimit", ["--pid", String(server.pid), "--nofile=1024:"]);
  await waitFor(() => overload().length === 2, "the end of it is noticed");
  const ben = await connectV1(server.wsUrl, { room: "lobby" });
  await ben.say("lobby", "welcome");
  await ann.waitForText("welcome");
});
