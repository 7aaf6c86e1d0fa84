import { describe, expect, it } from "vitest";
import { openLibraryClient, shownBy } from "../kit/clients/library-client.ts";
import { connectionsHeld } from "../kit/clients/sockets-of.ts";
import { connectV1 } from "../kit/clients/v1-client.ts";
import { startOwnRedis } from "../kit/servers/fleet.ts";
import { metricsOf } from "../kit/servers/metrics.ts";
import { launch, START_MS } from "../kit/servers/program.ts";
import { runServer, type Server, startServer } from "../kit/servers/server.ts";
import { listeningPids, twoWorkersReady } from "../kit/servers/workers-of.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const CLIENTS = 8;

/** A dyno of two workers; `pids` are those that listen, the oldest first. */
async function startWorkers(env: Readonly<Record<string, string>> = {}) {
  const redis = await startOwnRedis();
  const server = await startServer({
    env: { REDIS_URL: redis.url, WEB_CONCURRENCY: "2", MESSAGES_PER_SECOND: "0", ...env },
  });
  await twoWorkersReady(server);
  await server.ready();
  return server;
}

function socketLines(server: Server, event: "open" | "close", pid: number): number {
  return server.logs().filter((line) => line["event"] === event && line["pid"] === pid).length;
}

function bothHaveClients(server: Server): boolean {
  return listeningPids(server).every((pid) => socketLines(server, "open", pid) > 0);
}

describe("WEB_CONCURRENCY", () => {
  it("a crashed worker is replaced; the other's clients notice nothing, its own come back and miss nothing", async () => {
    const server = await startWorkers();
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, () => openLibraryClient(server.wsUrl, "lobby")),
    );
    const [victim = 0, survivor = 0] = listeningPids(server);
    // Whichever worker is free takes the next: one of a busy machine may have taken all of them.
    await waitFor(
      async () => bothHaveClients(server) || !clients.push(await openLibraryClient(server.wsUrl, "lobby")),
      "both have clients",
    );
    const said: string[] = [];
    const talk = setInterval(() => {
      const text = `message ${said.length}`;
      said.push(text);
      clients[said.length % clients.length]!.send(text);
    }, 50);
    await waitFor(
      () => clients.every((client) => shownBy(client).length >= 10),
      "everybody is shown something",
    );

    process.kill(victim, "SIGKILL");
    await server.waitForLog((line) => line["event"] === "worker-exit" && line["workerPid"] === victim);
    await waitFor(() => listeningPids(server).length === 3, "another worker listens", START_MS);
    clearInterval(talk);
    for (const client of clients) {
      await waitFor(
        () => shownBy(client).length >= said.length,
        "everything is shown to everybody",
        START_MS,
      );
      expect(shownBy(client).sort()).toEqual([...said].sort());
      expect(shownBy(client)).toEqual(shownBy(clients[0]!));
    }
    expect(socketLines(server, "close", survivor)).toBe(0);
  });

  it("a worker that ends by an error of its own is replaced while it still moves its people; new clients go elsewhere", async () => {
    const planted = new URL("../kit/throw-on-signal.mjs", import.meta.url).href;
    const server = await startWorkers({ NODE_OPTIONS: `--import ${planted}`, SHUTDOWN_SECONDS: "20" });
    // Enough of them for the drain to take longer than the pause before a replacement.
    const clients = await Promise.all(
      Array.from({ length: 80 }, () => connectV1(server.wsUrl, { room: "lobby" })),
    );
    const [victim = 0] = listeningPids(server);
    process.kill(victim, "SIGUSR2");
    const leaving = () => clients.filter(({ frames }) => frames.some((frame) => frame.type === "restart"));
    await waitFor(() => leaving().length > 0, "its clients are told");
    for (let attempt = 0; attempt < 10; attempt += 1) await connectV1(server.wsUrl, { room: "lobby" });
    const exit = () => server.logs().findIndex((line) => line["event"] === "worker-exit");
    await waitFor(() => exit() >= 0, "it has ended", 30_000);
    expect(server.logs()[exit()]).toMatchObject({ workerPid: victim, code: 1 });
    const before = server.logs().slice(0, exit());
    expect(before.filter((line) => line["event"] === "worker-start")).toHaveLength(3);
    await waitFor(() => listeningPids(server).length === 3, "the other worker listens", START_MS);
    expect(leaving().length).toBeLessThan(clients.length);
    for (const client of leaving()) expect((await client.closed).code).toBe(1012);
  });

  it.runIf(process.platform === "linux")(
    "is processes of their own: the parent holds no client's connection",
    async () => {
      const server = await startWorkers();
      const come = () => connectV1(server.wsUrl, { room: "lobby" });
      const clients = await Promise.all(Array.from({ length: 6 }, come));
      await waitFor(async () => bothHaveClients(server) || !clients.push(await come()), "both have clients");
      const held = listeningPids(server).map((pid) => connectionsHeld(pid, server.port));
      expect(held.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(clients.length);
      expect(Math.min(...held)).toBeGreaterThan(0);
      await waitFor(
        () => connectionsHeld(server.pid, server.port) === 0,
        "the parent has handed on everything",
      );
    },
  );

  it("ends with 0 at a signal that comes while its workers start", async () => {
    const redis = await startOwnRedis();
    const server = launch({ env: { PORT: "0", REDIS_URL: redis.url, WEB_CONCURRENCY: "2" } }, 0);
    afterwards(server.stop);
    const started = () => server.logs().filter((line) => line["event"] === "worker-start").length;
    await waitFor(() => started() === 2, "both have started");
    server.kill("SIGTERM");
    expect(await server.exit).toEqual({ code: 0, signal: null });
  });

  it("ends with 1 where no worker can listen, instead of trying for ever", async () => {
    const redis = await startOwnRedis();
    const { port } = await startServer();
    const env = { PORT: String(port), REDIS_URL: redis.url, WEB_CONCURRENCY: "2" };
    const { code, output } = await runServer({ env });
    expect(code).toBe(1);
    expect(output.join("\n")).toContain(String(port));
  });

  it("ends the workers and itself with 1 when the parent fails", async () => {
    const planted = new URL("../kit/throw-on-signal.mjs", import.meta.url).href;
    const server = await startWorkers({ NODE_OPTIONS: `--import ${planted}`, SHUTDOWN_SECONDS: "5" });
    const ann = await connectV1(server.wsUrl, { room: "lobby" });
    server.kill("SIGUSR2");
    expect((await ann.closed).code).toBe(1012);
    expect(await server.exit).toEqual({ code: 1, signal: null });
  });
});

describe("a dyno with little memory", () => {
  it("runs the program as a worker whose heap fits it, and passes signals on", async () => {
    const server = await startServer({ env: { MEMORY_AVAILABLE: "256", SHUTDOWN_SECONDS: "5" } });
    const limit = (await metricsOf(server.url)).sum("dynochat_heap_limit_bytes") / 2 ** 20;
    expect(limit).toBeGreaterThan(100);
    expect(limit).toBeLessThan(256);
    const ann = await connectV1(server.wsUrl, { room: "lobby" });
    server.kill("SIGTERM");
    expect((await ann.closed).code).toBe(1012);
    expect(await server.exit).toEqual({ code: 0, signal: null });
  });

  it("keeps a limit that was set by hand", async () => {
    const server = await startServer({
      env: { MEMORY_AVAILABLE: "256", NODE_OPTIONS: "--max-old-space-size=200" },
    });
    const limit = (await metricsOf(server.url)).sum("dynochat_heap_limit_bytes") / 2 ** 20;
    expect(limit).toBeGreaterThan(200);
    expect(limit).toBeLessThan(280);
  });
});
