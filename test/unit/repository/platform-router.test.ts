import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Router, type RouterOptions, type RouterTimes, type Target } from "../../kit/platform/router.ts";
import { freePort } from "../../kit/ports.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";

async function dyno(name: string, answer: RequestListener): Promise<Target & { server: Server }> {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterwards(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { name, port, server };
}

async function routerTo(
  targets: readonly Target[],
  rest: { times?: Partial<RouterTimes>; random?: RouterOptions["random"] } = {},
): Promise<Router> {
  const { times, random } = rest;
  const router = await Router.open({
    targets: () => targets,
    ...(times === undefined ? {} : { times }),
    ...(random === undefined ? {} : { random }),
  });
  afterwards(() => router.close());
  return router;
}

/** The router's times pass when the test says so. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  afterwards(() => vi.useRealTimers());
}

/** A dyno that keeps its sockets, and the client's end of one of them. */
async function openThrough(times: Partial<RouterTimes>) {
  const { server, ...target } = await dyno("web.1", (_request, reply) => reply.end());
  const sockets = new WebSocketServer({ server });
  const router = await routerTo([target], { times });
  const client = new WebSocket(router.wsUrl);
  afterwards(() => client.terminate());
  const [[inside]] = await Promise.all([once(sockets, "connection"), once(client, "open")]);
  return { router, client, inside: inside as WebSocket };
}

describe("the stand-in for the platform's router", () => {
  it("draws a dyno for every request", async () => {
    const names: string[] = [];
    const dynos = await Promise.all(
      ["web.1", "web.2", "web.3"].map((name) => dyno(name, (_request, reply) => reply.end(name))),
    );
    const draws = [0.99, 0, 0.5, 0.99];
    const { url } = await routerTo(dynos, { random: () => draws.shift() ?? 0 });
    for (let n = 0; n < 4; n++) names.push(await (await fetch(url)).text());
    expect(names).toEqual(["web.3", "web.1", "web.2", "web.3"]);
  });

  it("reports the client's address after whatever the client claims", async () => {
    const seen: IncomingMessage["headers"][] = [];
    const web = await dyno("web.1", ({ headers }, reply) => {
      seen.push(headers);
      reply.end();
    });
    const router = await routerTo([web]);
    await fetch(router.url);
    await fetch(router.url, { headers: { "X-Forwarded-For": "6.6.6.6", "X-Request-Id": "no" } });
    await fetch(router.url, { headers: { "X-Request-Id": "0123456789-0123456789" } });
    expect(seen[0]).toMatchObject({
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-port": String(router.port),
      "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(seen[1]).toMatchObject({
      "x-forwarded-for": "6.6.6.6, 127.0.0.1",
      "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(seen[2]?.["x-request-id"]).toBe("0123456789-0123456789");
  });

  it("carries bodies both ways, and the dyno's refusal of an upgrade", async () => {
    const web = await dyno("web.1", (request, reply) => {
      reply.statusCode = 201;
      request.pipe(reply);
    });
    web.server.on("upgrade", (_request, socket) =>
      socket.end("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 4\r\n\r\nfull"),
    );
    const router = await routerTo([web]);
    const answer = await fetch(router.url, { method: "POST", body: "x".repeat(300_000) });
    expect(answer.status).toBe(201);
    expect(await answer.text()).toHaveLength(300_000);
    const client = new WebSocket(router.wsUrl);
    const [, refusal] = await once(client, "unexpected-response");
    expect([refusal.statusCode, refusal.headers["retry-after"]]).toEqual([503, "5"]);
    client.on("error", () => undefined).terminate();
  });

  it("answers 503 where no dyno runs, or none takes the connection", async () => {
    const empty = await routerTo([]);
    const refused = await routerTo([{ name: "web.1", port: await freePort() }]);
    for (const [router, code] of [
      [empty, "H14"],
      [refused, "H21"],
    ] as const) {
      const answer = await fetch(router.url);
      expect(answer.status).toBe(503);
      expect(await answer.text()).toContain(code);
      const client = new WebSocket(router.wsUrl);
      client.on("error", () => undefined);
      const [, refusal] = await once(client, "unexpected-response");
      expect(refusal.statusCode).toBe(503);
      client.terminate();
      expect(router.counts.get(code)).toBe(2);
    }
  });

  it("tries another dyno where one does not take the connection", async () => {
    const up = await dyno("web.2", (_request, reply) => reply.end("here"));
    const router = await routerTo([{ name: "web.1", port: await freePort() }, up], { random: () => 0 });
    expect(await (await fetch(router.url)).text()).toBe("here");
    expect(router.errors).toEqual([]);
  });

  it("gives up on a dyno that does not begin to answer, and on one that hangs up", async () => {
    const mute = await routerTo([await dyno("web.1", () => undefined)], { times: { firstByteMs: 50 } });
    expect(await (await fetch(mute.url)).text()).toContain("H12");
    const rude = await routerTo([await dyno("web.1", ({ socket }) => socket.destroy())]);
    expect(await (await fetch(rude.url)).text()).toContain("H13");
  });

  it("closes a socket that is idle in both directions", async () => {
    stopTime();
    const { router, client, inside } = await openThrough({ idleMs: 60 });
    const cut = Promise.all([once(client, "close"), once(inside, "close")]);
    vi.advanceTimersByTime(60);
    await cut;
    expect(router.counts.get("H15")).toBe(1);
    await waitFor(() => router.open === 0, "the router has forgotten it");
  });

  it.each(["inward", "outward"])("leaves a socket open on which something goes %s", async (direction) => {
    stopTime();
    const { router, client, inside } = await openThrough({ idleMs: 400 });
    const [from, to] = direction === "inward" ? [client, inside] : [inside, client];
    let arrived = 0;
    to.on("message", () => {
      arrived += 1;
    });
    for (let beat = 1; beat <= 4; beat++) {
      vi.advanceTimersByTime(300);
      // No ping: its answer would go the other way.
      from.send("beat");
      await waitFor(() => arrived === beat, "it lives for three times the limit");
    }
    expect([client.readyState, inside.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
    expect(router.counts.size).toBe(0);
  });

  it("passes on what a dyno says last", async () => {
    const { client, inside } = await openThrough({});
    inside.close(1012, "the server is restarting");
    const [code, reason] = await once(client, "close");
    expect([code, String(reason)]).toEqual([1012, "the server is restarting"]);
  });

  it("ends the client's socket with the dyno's process", async () => {
    const { client, inside } = await openThrough({});
    inside.terminate();
    const [code] = await once(client, "close");
    expect(code).toBe(1006);
  });
});
