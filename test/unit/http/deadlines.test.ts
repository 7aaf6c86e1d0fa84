import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { describe, expect, it } from "vitest";
import { buildApp } from "../../../src/app.ts";
import { ANSWER_MS, InFlightRequests, REQUESTS_UNDER_WAY } from "../../../src/http/api/in-flight-requests.ts";
import { readSettings } from "../../../src/settings/settings.ts";
import { MESSAGES, openApi } from "../../kit/servers/api.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";
import { waitFor, within } from "../../kit/vitest/wait-for.ts";

const SHORT = { headersMs: 200, requestMs: 400, checkMs: 50 };

/** The program, and connections to it. */
async function program(env: Record<string, string> = {}, deadlines = SHORT) {
  const settings = readSettings({ MAX_LOOP_DELAY_MS: "0", SHUTDOWN_SECONDS: "0", ...env });
  const app = await buildApp(settings, fastify({ logger: false }).log, "test", deadlines);
  afterwards(() => app.close());
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const dial = (): { socket: Socket; ended: Promise<string>; got: () => string } => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    afterwards(() => socket.destroy());
    socket.on("error", () => undefined);
    let text = "";
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
    });
    return { socket, got: () => text, ended: once(socket, "close").then(() => text) };
  };
  return { app, url, dial, counters: app.dynochat.chat.counters };
}

const HEAD = "GET /livez HTTP/1.1\r\nHost: localhost\r\n";
const POST = `POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n`;
const UPGRADE = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";

/** Sends a byte every 30 ms until the connection ends. */
function trickle(socket: Socket): void {
  const timer = setInterval(() => socket.write("x"), 30);
  socket.once("close", () => clearInterval(timer));
}

describe("the program closes a connection", () => {
  it("that never sends a byte", async () => {
    const { dial } = await program();
    await within(dial().ended, "the connection ends");
  });

  it.each([
    ["the headers of a request", `${HEAD}X-Slow: `, { ...SHORT, requestMs: 60_000 }],
    ["the headers of an upgrade", `${UPGRADE}X-Slow: `, { ...SHORT, requestMs: 60_000 }],
    ["the body of a request", POST, SHORT],
  ])("whose peer sends %s byte by byte, with 408", async (_what, beginning, deadlines) => {
    const { dial, counters } = await program({}, deadlines);
    const { socket, ended } = dial();
    socket.write(beginning);
    trickle(socket);
    expect(await within(ended, "the connection ends")).toMatch(/^HTTP\/1\.1 408 /);
    expect(counters.limited.get("request-time")).toBe(1);
  });

  it("that pipelines more than 64 requests", async () => {
    const { dial, counters } = await program();
    const { socket, ended } = dial();
    socket.write(`${HEAD}\r\n`.repeat(200));
    await within(ended, "the connection ends");
    expect(counters.limited.get("pipelined-requests")).toBe(1);
  });

  it("that is idle, for a new one at the limit", async () => {
    const { app, dial, counters } = await program(
      { MAX_CONNECTIONS_PER_ADDRESS: "1" },
      {
        headersMs: 10_000,
        requestMs: 10_000,
        checkMs: 1_000,
      },
    );
    const { tcpPerAddress } = app.dynochat.sockets.capacity;
    const idle = dial();
    idle.socket.write(`${HEAD}\r\n`);
    await waitFor(() => idle.got().includes("200 OK"), "the request is answered");
    const others = Array.from({ length: tcpPerAddress }, dial);
    await within(idle.ended, "the idle connection ends");
    const newest = others.at(-1);
    newest?.socket.write(`${HEAD}\r\n`);
    await waitFor(() => newest?.got().includes("200 OK"), "the new connection is served");
    expect(counters.limited.get("address-tcp")).toBe(1);
  });
});

it("the program keeps a connection that is idle between two requests, and one with an event stream", async () => {
  const { dial } = await program();
  const [idle, stream] = [dial(), dial()];
  idle.socket.write(`${HEAD}\r\n`);
  stream.socket.write("GET /api/rooms/lobby/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await waitFor(() => stream.got().includes("event: joined"), "the stream is open");
  // Opened later and closed for its silence: by then the other two would be.
  await within(dial().ended, "a silent connection ends");
  expect([idle.socket.destroyed, stream.socket.destroyed]).toEqual([false, false]);
  idle.socket.write(`${HEAD}\r\n`);
  await waitFor(() => idle.got().match(/200 OK/g)?.length === 2, "the second request is answered");
});

it("behind a proxy that is trusted, TCP connections are not bounded by address", async () => {
  const { dial, app } = await program(
    { MAX_CONNECTIONS_PER_ADDRESS: "1", TRUST_PROXY: "true" },
    {
      headersMs: 10_000,
      requestMs: 10_000,
      checkMs: 1_000,
    },
  );
  const all = Array.from({ length: app.dynochat.sockets.capacity.tcpPerAddress + 5 }, dial);
  await waitFor(() => app.dynochat.sockets.tcpCount === all.length, "all are open");
});

it("an accept that fails is logged and ends nothing", async () => {
  const lines: unknown[] = [];
  const settings = readSettings({ MAX_LOOP_DELAY_MS: "0", SHUTDOWN_SECONDS: "0" });
  const logger = fastify({
    logger: { level: "error", stream: { write: (line) => lines.push(JSON.parse(line)) } },
  });
  const app = await buildApp(settings, logger.log, "test");
  afterwards(() => app.close());
  await app.listen({ port: 0, host: "127.0.0.1" });
  app.server.emit("error", Object.assign(new Error("accept EMFILE"), { code: "EMFILE" }));
  expect(lines).toMatchObject([{ event: "accept-failed", code: "EMFILE" }]);
});

/** A request whose answer is not read, with the fields that are used here. */
function unread() {
  const socket = { destroyed: false, destroy: () => undefined };
  const listeners: (() => void)[] = [];
  const response = {
    writableEnded: true,
    once(_event: string, listener: () => void) {
      listeners.push(listener);
      return response;
    },
  };
  socket.destroy = () => {
    socket.destroyed = true;
    return undefined;
  };
  return {
    socket,
    request: { raw: { headers: {}, socket, complete: true } } as unknown as FastifyRequest,
    reply: { raw: response } as unknown as FastifyReply,
    finish: () => {
      for (const listener of listeners) listener();
    },
  };
}

function countRequests(address = "192.0.2.1") {
  const limited = new Map();
  const requests = new InFlightRequests({ of: () => address } as never, { limited });
  requests.start();
  afterwards(() => requests.stop());
  return { requests, limited };
}

describe("requests of one address", () => {
  it("are rejected while the answers of 128 are not sent", () => {
    const { requests, limited } = countRequests();
    const all = Array.from({ length: REQUESTS_UNDER_WAY }, unread);
    for (const { request, reply } of all) expect(requests.begin(request, reply)).toBeUndefined();
    const next = unread();
    expect(requests.begin(next.request, next.reply)).toMatchObject({
      code: "rate-limited",
      retryAfterMs: 1_000,
    });
    expect(limited.get("address-requests")).toBe(1);
    all[0]?.finish();
    all[0]?.finish();
    expect(requests.begin(next.request, next.reply)).toBeUndefined();
    expect(requests.count).toBe(REQUESTS_UNDER_WAY);
  });

  it("that do not arrive within 35 s lose their connection, also on the server of an embedding app", () => {
    const { requests, limited } = countRequests();
    const { request, reply, socket } = unread();
    Object.assign(request.raw, { complete: false });
    Object.assign(reply.raw, { writableEnded: false });
    requests.begin(request, reply);
    requests.sweep(performance.now() + 34_000);
    expect(socket.destroyed).toBe(false);
    requests.sweep(performance.now() + 36_000);
    expect([socket.destroyed, limited.get("request-time")]).toEqual([true, 1]);
  });

  it("whose answer is not read within 60 s lose their connection", () => {
    const { requests, limited } = countRequests();
    const { request, reply, socket } = unread();
    requests.begin(request, reply);
    requests.sweep(performance.now() + ANSWER_MS - 1_000);
    expect(socket.destroyed).toBe(false);
    requests.sweep(performance.now() + ANSWER_MS + 1_000);
    expect([socket.destroyed, limited.get("answer-time")]).toEqual([true, 1]);
    requests.sweep();
    expect(requests.count).toBe(0);
  });
});

it("requests that are answered are not counted, nor are event streams", async () => {
  const app = await openApi();
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const streams = await Promise.all(
    Array.from({ length: REQUESTS_UNDER_WAY }, () => {
      const ended = new AbortController();
      afterwards(() => ended.abort());
      return fetch(`${url}/api/rooms/lobby/events`, { signal: ended.signal });
    }),
  );
  expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
  for (let request = 0; request < 20; request += 1) {
    expect((await fetch(`${url}${MESSAGES}`)).status).toBe(200);
  }
});
