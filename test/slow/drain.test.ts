import { randomInt } from "node:crypto";
import { describe, expect, it } from "vitest";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { RawClient, type RawOptions } from "../kit/clients/raw-client.ts";
import { RefusedUpgrade } from "../kit/clients/recorded-socket.ts";
import { connectV1, openV1 } from "../kit/clients/v1-client.ts";
import { FaultProxy } from "../kit/servers/fault-proxy.ts";
import { startOwnRedis } from "../kit/servers/fleet.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { listeningPids, twoWorkersReady } from "../kit/servers/workers-of.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor, within } from "../kit/vitest/wait-for.ts";

/** What issue and platform allow from SIGTERM to the exit, ms. */
const EXIT_MS = 25_000;

const RESTARTING = 1012;

/** A process that has all its default time to drain, and takes everybody. */
async function startDraining(env: Readonly<Record<string, string>> = {}) {
  const redis = await startOwnRedis();
  const server = await startServer({
    env: {
      REDIS_URL: redis.url,
      SHUTDOWN_SECONDS: "20",
      MAX_CONNECTIONS_PER_ADDRESS: "0",
      CONNECTS_PER_SECOND_PER_ADDRESS: "0",
      MESSAGES_PER_SECOND: "0",
      ...env,
    },
  });
  await server.ready();
  return { redis, server };
}

/** Clients in rooms of ten, so that everybody's talk costs little. */
async function crowd(name: string, count: number, options: Omit<RawOptions, "room">): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let start = 0; start < count; start += 100) {
    const some = Array.from({ length: Math.min(100, count - start) }, (_, index) => {
      const room = `${name}-${Math.floor((start + index) / 10)}`;
      return new RawClient(`${name}-${start + index}`, { ...options, room });
    });
    await Promise.all(some.map(({ ready }) => ready));
    clients.push(...some);
  }
  afterwards(() => {
    for (const client of clients) client.destroy();
  });
  return clients;
}

/** Lets everybody say something now and then, until the server closes them. */
function keepTalking(clients: readonly RawClient[]): void {
  for (const client of clients) {
    const timer = setInterval(
      () => {
        if (client.isClosing) clearInterval(timer);
        else client.say("still talking");
      },
      randomInt(400, 1_200),
    );
    afterwards(() => clearInterval(timer));
  }
}

/** The keys of all messages that Redis has. */
async function storedKeys(redis: TestRedis): Promise<Set<string>> {
  const logs = (await redis.cli("--scan", "--pattern", "*:log")).split("\n");
  const texts = await Promise.all(logs.map((log) => redis.cli("XRANGE", log, "-", "+")));
  return new Set(texts.flatMap((text) => [...text.matchAll(/"key":"([^"]+)"/g)].map(([, key]) => key ?? "")));
}

function placeInLog(server: Server, event: string, from: "first" | "last" = "first"): number {
  const events = server.logs().map((line) => (line["state"] === "closed" ? "log-closed" : line["event"]));
  return from === "first" ? events.indexOf(event) : events.lastIndexOf(event);
}

describe("SIGTERM", () => {
  it("with a thousand clients, of which 50 are mute and 50 half-open, ends with 0 in time, and all is answered", async () => {
    const { redis, server } = await startDraining();
    const proxy = await FaultProxy.open(() => server.port);
    afterwards(() => proxy.close());
    const talking = await crowd("talking", 800, { port: server.port });
    const plain = await crowd("plain", 100, { port: server.port, v1: false });
    const silent = await crowd("silent", 25, { port: server.port, answersClose: false });
    const mute = await crowd("mute", 25, { port: server.port });
    await crowd("half-open", 50, { port: proxy.port });
    for (const client of mute) client.mute();
    for (const passage of proxy.passages) passage.stall();
    keepTalking(talking);
    await waitFor(() => talking.every(({ answered }) => answered.length > 0), "everybody is acked", 30_000);

    const signalled = performance.now();
    server.kill("SIGTERM");
    const exit = await within(server.exit, "the process ends", EXIT_MS);
    expect(exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - signalled).toBeLessThan(EXIT_MS);

    // Every client that listened was told why; no connection ended without a close frame.
    const codes = await Promise.all([...talking, ...plain, ...silent].map(({ closed }) => closed));
    expect(new Set(codes)).toEqual(new Set([RESTARTING]));
    // Everybody has their own time, spread evenly between the first and the last: as many in each quarter.
    const times = talking.map(({ reconnectInMs = 0 }) => reconnectInMs);
    const first = Math.min(...times);
    const span = Math.max(...times) - first;
    for (const quarter of [0, 1, 2, 3]) {
      const here = times.filter((ms) => Math.min(3, Math.floor((4 * (ms - first)) / span)) === quarter);
      expect(here.length).toBeGreaterThan(talking.length / 5);
      expect(here.length).toBeLessThan(talking.length / 3);
    }
    // What was stored was acked before the close, up to the last word.
    const answered = new Set(talking.flatMap((client) => client.answered));
    const stored = await storedKeys(redis);
    expect(stored.size).toBeGreaterThan(talking.length);
    expect([...stored].filter((key) => !answered.has(key))).toEqual([]);
    // Redis goes last: the store is closed after the last socket.
    expect(placeInLog(server, "log-closed")).toBeGreaterThan(placeInLog(server, "close", "last"));
  });

  it("serves each client until its time: what is said after the announcement is acked and shown", async () => {
    const { server } = await startDraining();
    // Enough of them for eight seconds, at whose end ann goes.
    const clients = await crowd("talking", 160, { port: server.port });
    const ann = await connectV1(server.wsUrl, { room: "late" });
    server.kill("SIGTERM");
    await ann.waitFor(({ type }) => type === "restart", "the restart is announced");
    await waitFor(() => clients.some(({ isClosing }) => isClosing), "another client has gone");
    await ann.say("late", "still served");
    await ann.waitForText("still served");
    expect((await ann.closed).code).toBe(RESTARTING);
    expect((await server.exit).code).toBe(0);
  });

  it("refuses upgrades and readiness with 503 meanwhile, while plain HTTP is still answered", async () => {
    const { server } = await startDraining();
    // Enough of them for the process to be there for ten seconds.
    const clients = await crowd("talking", 160, { port: server.port });
    server.kill("SIGTERM");
    await waitFor(() => clients[0]?.reconnectInMs !== undefined, "the restart is announced");
    const refused = await openV1(server.wsUrl).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RefusedUpgrade);
    expect(refused).toMatchObject({ status: 503 });
    const readiness = await fetch(`${server.url}/readyz`);
    expect(readiness.status).toBe(503);
    expect(await readiness.json()).toMatchObject({ ready: false, reasons: ["draining"] });
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    expect((await server.exit).code).toBe(0);
  });

  it("that comes twice, and SIGINT after it, change nothing: everybody still has their time", async () => {
    const { server } = await startDraining();
    const clients = await crowd("talking", 40, { port: server.port });
    const plain = await connectPlain(server.wsUrl);
    server.kill("SIGTERM");
    await waitFor(() => clients[0]?.reconnectInMs !== undefined, "the restart is announced");
    server.kill("SIGTERM");
    server.kill("SIGINT");
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual(clients.map(() => RESTARTING));
    expect((await plain.closed).code).toBe(RESTARTING);
    expect(await server.exit).toEqual({ code: 0, signal: null });
    expect(server.logs().filter(({ event }) => event === "drain")).toHaveLength(1);
  });

  it("while Redis is frozen answers what waits for it, and still ends in order", async () => {
    const { redis, server } = await startDraining();
    const ann = await connectV1(server.wsUrl, { room: "lobby" });
    redis.freeze();
    afterwards(() => redis.thaw());
    const { answer } = ann.ask({ type: "message", room: "lobby", key: "in-doubt", text: "is it stored?" });
    server.kill("SIGTERM");
    expect(await answer).toMatchObject({ type: "error", code: "unavailable" });
    expect((await ann.closed).code).toBe(RESTARTING);
    expect(await server.exit).toEqual({ code: 0, signal: null });
    expect(placeInLog(server, "ended")).toBeGreaterThan(placeInLog(server, "log-closed"));
  });

  it("answers what was accepted over HTTP before the server's connections go", async () => {
    const { redis, server } = await startDraining({ API_KEYS: "a-key-of-a-program" });
    const post = () =>
      fetch(`${server.url}/api/rooms/lobby/messages`, {
        method: "POST",
        headers: { authorization: "Bearer a-key-of-a-program", "content-type": "application/json" },
        body: JSON.stringify({ text: "is it stored?" }),
      });
    expect((await post()).status).toBe(201);
    redis.freeze();
    afterwards(() => redis.thaw());
    const answer = post();
    // Goes by another connection, which must be made first: the request above has come in by then.
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    server.kill("SIGTERM");
    expect((await answer).status).toBe(503);
    expect(await server.exit).toEqual({ code: 0, signal: null });
  });

  it("cuts off who is still there when the time is up, and ends in order all the same", async () => {
    const { server } = await startDraining({ SHUTDOWN_SECONDS: "1" });
    const [mute] = await crowd("mute", 1, { port: server.port });
    mute!.mute();
    server.kill("SIGTERM");
    expect(await server.exit).toEqual({ code: 0, signal: null });
    expect(server.logs().find(({ event }) => event === "drained")).toMatchObject({ cut: 1 });
    expect(placeInLog(server, "ended")).toBeGreaterThan(placeInLog(server, "log-closed"));
  });

  it("to the parent and its workers at once ends all of them with 0, and no connection breaks", async () => {
    const { server } = await startDraining({ WEB_CONCURRENCY: "2" });
    await twoWorkersReady(server);
    const clients = await crowd("talking", 60, { port: server.port });
    for (const pid of [server.pid, ...listeningPids(server)]) process.kill(pid, "SIGTERM");
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual(clients.map(() => RESTARTING));
    expect(await server.exit).toEqual({ code: 0, signal: null });
  });
});

it("SIGINT drains as SIGTERM does", async () => {
  const { server } = await startDraining();
  const ann = await connectV1(server.wsUrl, { room: "lobby" });
  server.kill("SIGINT");
  await ann.waitFor(({ type }) => type === "restart", "the restart is announced");
  expect((await ann.closed).code).toBe(RESTARTING);
  expect(await server.exit).toEqual({ code: 0, signal: null });
});

it.each(["exception", "rejection"])(
  "an error (%s) that nothing catches drains in the same way, and the exit code is 1",
  async (THROWS) => {
    const planted = new URL("../kit/throw-on-signal.mjs", import.meta.url).href;
    const { server } = await startDraining({ NODE_OPTIONS: `--import ${planted}`, THROWS });
    const ann = await connectV1(server.wsUrl, { room: "lobby" });
    server.kill("SIGUSR2");
    await ann.waitFor(({ type }) => type === "restart", "the restart is announced");
    expect((await ann.closed).code).toBe(RESTARTING);
    expect(await server.exit).toEqual({ code: 1, signal: null });
    expect(server.output().join()).toContain(`a planted ${THROWS}`);
  },
);
