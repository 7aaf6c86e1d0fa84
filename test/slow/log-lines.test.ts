import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { connectV1, openV1, type V1Client } from "../kit/clients/v1-client.ts";
import { makeFifo } from "../kit/fifo.ts";
import { startOwnRedis } from "../kit/servers/fleet.ts";
import { metricsOf } from "../kit/servers/metrics.ts";
import { ROOT, START_MS } from "../kit/servers/program.ts";
import { startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor, within } from "../kit/vitest/wait-for.ts";

it("opening, message and closing are logged, with code and reason and without the text", async () => {
  // The router's request id is believed where the router is.
  const server = await startServer({ env: { TRUST_PROXY: "true" } });
  const requestId = randomUUID();
  const client = await openV1(server.wsUrl, { headers: { "x-request-id": requestId } });
  const welcome = await client.hello({ handle: "Ada" });
  await client.join("lobby");
  const { id } = await client.say("lobby", "a private sentence");
  client.connection.socket.close(4000, "gone home");
  const closing = await server.waitForLog((line) => line["event"] === "close", "the close is logged");

  const opening = server.logs().find((line) => line["event"] === "open");
  expect(opening).toMatchObject({ address: expect.stringMatching(/127\.0\.0\.1$/), path: "/ws", requestId });
  const { connection } = opening!;
  expect(connection).toMatch(/./);
  const message = server.logs().find((line) => line["event"] === "message");
  expect(message).toMatchObject({ connection, room: "lobby", id, bytes: expect.any(Number) });
  expect(closing).toMatchObject({ connection, code: 4000, reason: "gone home", ms: expect.any(Number) });

  const everything = server.output().join("\n");
  expect(everything).not.toContain("a private sentence");
  expect(everything).not.toContain(welcome.token);
});

it("every log line is JSON and names the process, each process differently", async () => {
  const servers = await Promise.all([startServer(), startServer()]);
  await Promise.all(servers.map((server) => server.waitForLog((line) => line["event"] === "listening")));
  const instances = servers.map((server) => {
    expect(server.output()).toHaveLength(server.logs().length);
    const names = new Set(server.logs().map((line) => line["instance"]));
    expect(names.size).toBe(1);
    return [...names][0];
  });
  expect(instances[0]).toMatch(/./);
  expect(instances[0]).not.toBe(instances[1]);
});

it("shuts down as usual when the reader of its lines has gone", async () => {
  const server = await startServer();
  await server.waitForLog((line) => line["event"] === "listening");
  server.deafen();
  server.kill("SIGINT");
  expect(await within(server.exit, "the process ends", START_MS)).toEqual({ code: 0, signal: null });
});

describe("an unread stream", () => {
  /** Messages of which the log lines fill pipes and sockets, and all that may wait. */
  const FULL = { messages: 6_000, atOnce: 500 };
  /** Long lines, so that few are enough. */
  const ENV = { MESSAGES_PER_SECOND: "0", HEROKU_RELEASE_VERSION: "v".repeat(200) };

  async function fillLog(client: V1Client): Promise<void> {
    for (let said = 0; said < FULL.messages; said += FULL.atOnce) {
      await Promise.all(Array.from({ length: FULL.atOnce }, () => client.say("lobby", "hello")));
    }
  }

  it.each([
    ["a pipe, one process", "pipe", {}],
    ["a pipe, a worker", "pipe", { MEMORY_AVAILABLE: "256" }],
    ["a socket, one process", "socket", {}],
    ["a socket, a worker", "socket", { MEMORY_AVAILABLE: "256" }],
  ])(
    "stops nothing: messages are stored, and SIGTERM ends the program with 0 (%s)",
    async (_, kind, more) => {
      const stdout = kind === "pipe" ? makeFifo().fd : "unread";
      const server = await startServer({ stdout, env: { ...ENV, ...more } });
      const client = await connectV1(server.wsUrl, { room: "lobby" });
      await fillLog(client);
      expect((await metricsOf(server.url)).sum("dynochat_dropped_log_lines_total")).toBeGreaterThan(0);
      server.kill("SIGTERM");
      expect(await within(server.exit, "the process ends", START_MS)).toEqual({ code: 0, signal: null });
    },
  );

  it.each([
    ["one process", {}],
    ["a worker", { MEMORY_AVAILABLE: "256" }],
  ])(
    "and is read again has whole lines, says how many are missing, and ends with the last one (%s)",
    async (_, more) => {
      const fifo = makeFifo();
      const server = await startServer({ stdout: fifo.fd, env: { ...ENV, ...more } });
      const client = await connectV1(server.wsUrl, { room: "lobby" });
      await fillLog(client);
      let text = "";
      const read = (event: string) => {
        text += fifo.read();
        return text.includes(`"event":"${event}"`);
      };
      await waitFor(() => read("lines-dropped"), "it is said that lines were dropped");
      server.kill("SIGTERM");
      await waitFor(() => read("ended"), "the last line is read");
      expect((await server.exit).code).toBe(0);
      read("ended");
      const lines = text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      const dropped = lines.filter(({ event }) => event === "lines-dropped");
      const missing = dropped.reduce((sum, { count }) => sum + count, 0);
      expect(lines.filter(({ event }) => event === "message")).toHaveLength(FULL.messages - missing);
      for (const { instance } of dropped) expect(instance).toMatch(/./);
    },
  );

  it("on a full disk stops nothing", async () => {
    const full = openSync("/dev/full", "w");
    afterwards(() => closeSync(full));
    const server = await startServer({ stdout: full });
    const client = await connectV1(server.wsUrl, { room: "lobby" });
    await client.say("lobby", "hello");
    server.kill("SIGTERM");
    expect(await server.exit).toEqual({ code: 0, signal: null });
  });
});

it("a warning of Node's is a log line", async () => {
  const warn = "process.on('SIGUSR2', () => process.emitWarning('a planted warning'))";
  const server = await startServer({
    env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(warn)}` },
  });
  server.kill("SIGUSR2");
  const line = await server.waitForLog(({ event }) => event === "warning");
  expect(line["err"]).toMatchObject({ message: "a planted warning" });
  expect(server.output()).toHaveLength(server.logs().length);
});

it("a fatal line is written before whatever comes next, and all lines are at the end", async () => {
  const program = `
    import { pino } from "pino";
    import { LogLines } from "./dist/logging/log-lines.js";
    const logger = pino({}, new LogLines());
    logger.info("one");
    logger.fatal("two");
    if (process.argv[1] === "killed") process.kill(process.pid, "SIGKILL");
    logger.info("three");
    process.exit(0);`;
  const said = async (how: string) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program, how], { cwd: ROOT });
    return [...(await text(child.stdout)).matchAll(/"msg":"(\w+)"/g)].map(([, sentence]) => sentence);
  };
  expect(await said("killed")).toEqual(["one", "two"]);
  expect(await said("exits")).toEqual(["one", "two", "three"]);
});

it("on the platform every line names the dyno, the release and the commit", async () => {
  const HEROKU_SLUG_COMMIT = "0123456789abcdef0123456789abcdef01234567";
  const platform = { DYNO: "web.3", HEROKU_RELEASE_VERSION: "v42", HEROKU_SLUG_COMMIT };
  const redis = await startOwnRedis();
  const server = await startServer({ env: { ...platform, REDIS_URL: redis.url, WEB_CONCURRENCY: "2" } });
  await server.ready();
  const client = await openV1(server.wsUrl, { headers: { "x-request-id": "router-gave-this" } });
  await client.close();
  await server.waitForLog((line) => line["event"] === "close" && line["requestId"] === "router-gave-this");
  const instances = () => new Set(server.logs().map((line) => line["instance"])).size;
  await waitFor(() => instances() === 3, "the parent and both workers have said something");
  for (const line of server.logs()) {
    expect(line).toMatchObject({ dyno: "web.3", release: "v42", commit: HEROKU_SLUG_COMMIT.slice(0, 12) });
  }
});

it("nothing that anybody says stands in the store, at any level, by whatever way it comes in or is refused", async () => {
  const SAID = "Quetzalcoatlus";
  const key = "a-key-of-a-program";
  const redis = await startOwnRedis();
  const env = { REDIS_URL: redis.url, LOG_LEVEL: "trace", API_KEYS: key, MAX_TEXT_LENGTH: "100" };
  const server = await startServer({ env });
  await server.ready();
  const ann = await connectV1(server.wsUrl, { room: "lobby" });
  const ben = await connectPlain(server.wsUrl);
  const cat = await connectPlain(server.wsUrl, { path: "/websocket" });
  const post = (body: string) =>
    fetch(`${server.url}/api/rooms/lobby/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body,
    });

  await ann.say("lobby", `${SAID} by v1`);
  ben.send({ text: `${SAID} by a plain socket` });
  cat.send({ username: "Cat", text: `${SAID} by a page of old` });
  expect((await post(JSON.stringify({ text: `${SAID} by a program` }))).status).toBe(201);
  await ann.waitForText(`${SAID} by a program`);
  await ann.waitForText(`${SAID} by a page of old`);
  // Refused in every way there is.
  await ann.refusal({ type: "message", room: "lobby", key: "k", text: SAID.repeat(10) });
  await ann.refusal({ type: "message", room: "elsewhere", key: "k", text: SAID });
  ann.connection.socket.send(`{"text": ${SAID}`);
  ann.connection.socket.send(Buffer.from(SAID));
  ben.socket.send(`${SAID} is no JSON`);
  expect((await post(`{"text": ${SAID}`)).status).toBe(400);
  expect((await post(JSON.stringify({ text: SAID.repeat(10) }))).status).toBe(400);
  expect((await post(JSON.stringify({ message: SAID }))).status).toBe(400);
  expect((await post(JSON.stringify({ text: SAID.repeat(10_000) }))).status).toBe(413);
  // What arrives from Redis and is no message.
  await redis.cli("PUBLISH", "dynochat:{lobby}:live", `{"id":"${SAID}"`);
  await ann.history("lobby");
  await server.waitForLog((line) => line["event"] === "unverified", "the malformed payload is logged");
  server.kill("SIGTERM");
  expect((await server.exit).code).toBe(0);
  expect(server.output().join("\n")).toContain('"event":"message"');
  expect(server.output().join("\n")).not.toContain(SAID.slice(0, 8));
});
