import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { CLOSE } from "../../src/protocol/codes.ts";
import { readEvents } from "../kit/clients/event-reader.ts";
import { Router } from "../kit/platform/router.ts";
import { startFleet } from "../kit/servers/fleet.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const KEY = "0123456789abcdef";

function post(
  url: string,
  room: string,
  text: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}/api/rooms/${room}/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ text }),
  });
}

/** Who asks too often waits as long as told, as every client should. */
async function read(url: string): Promise<unknown> {
  const answer = await fetch(url);
  if (answer.status === 429) {
    await sleep(Number(answer.headers.get("retry-after")) * 1_000);
    return read(url);
  }
  expect(answer.status).toBe(200);
  return answer.json();
}

describe("the HTTP interface of two processes", () => {
  it("reads at one what was posted at the other, and knows a key again that the other was given", async () => {
    const { servers } = await startFleet(2, { env: { API_KEYS: KEY } });
    const [one, other] = servers.map(({ url }) => url) as [string, string];
    const first = await post(one, "lobby", "hello", { "idempotency-key": "k1" });
    expect(first.status).toBe(201);
    const { id } = (await first.json()) as { id: string };
    const again = await post(other, "lobby", "hello", { "idempotency-key": "k1" });
    expect([again.status, await again.json()]).toEqual([200, { id, duplicate: true }]);
    expect(await read(`${other}/api/rooms/lobby/messages`)).toMatchObject({
      messages: [{ id, text: "hello", user: expect.stringMatching(/^p-/) }],
      more: false,
    });
    await post(other, "attic", "up here");
    // What another process stored is listed within 10 s.
    for (const url of [one, other]) {
      const rooms = await waitFor(
        async () => {
          const list = (await read(`${url}/api/rooms`)) as { rooms: { room: string; count: number }[] };
          return list.rooms.length === 2 ? list.rooms : undefined;
        },
        "both rooms are listed",
        20_000,
      );
      expect(rooms.map(({ room }) => room)).toEqual(["attic", "lobby"]);
    }
  });

  it("carries by one's event stream what was posted at the other, and goes on after the last id at another process", async () => {
    const { servers } = await startFleet(2, { env: { API_KEYS: KEY } });
    const [one, other] = servers.map(({ url }) => url) as [string, string];
    const reader = await readEvents(`${one}/api/rooms/lobby/events`);
    await reader.waitFor("joined");
    await post(other, "lobby", "first");
    const { id = "" } = await reader.waitForText("first");
    reader.close();
    for (const text of ["second", "third"]) await post(one, "lobby", text);
    const back = await readEvents(`${other}/api/rooms/lobby/events`, { "last-event-id": id });
    await post(one, "lobby", "fourth");
    await back.waitForText("fourth");
    expect(back.texts()).toEqual(["second", "third", "fourth"]);
    const people = await waitFor(async () => {
      const present = (await read(`${one}/api/rooms/lobby/presence`)) as { count: number };
      return present.count === 1 ? present : undefined;
    }, "the one who is left is seen from the other process");
    expect(people.count).toBe(1);
  });

  it("moves its readers away before it ends, and they miss nothing", async () => {
    const { servers } = await startFleet(2, { env: { API_KEYS: KEY, SHUTDOWN_SECONDS: "5" } });
    const [one, other] = servers as [Server, Server];
    const reader = await readEvents(`${one.url}/api/rooms/lobby/events`);
    await reader.waitFor("joined");
    await post(other.url, "lobby", "before");
    const { id = "" } = await reader.waitForText("before");
    one.kill("SIGTERM");
    await reader.waitFor("restart");
    expect((await reader.waitFor("close")).data.code).toBe(CLOSE.restarting);
    expect((await one.exit).code).toBe(0);
    await post(other.url, "lobby", "meanwhile");
    const back = await readEvents(`${other.url}/api/rooms/lobby/events`, { "last-event-id": id });
    await back.waitForText("meanwhile");
    expect(back.texts()).toEqual(["meanwhile"]);
  });

  it("streams through the platform's router at once, and is not cut there when the room is silent", async () => {
    const server = await startServer({ env: { API_KEYS: KEY } });
    await server.ready();
    const router = await Router.open({
      targets: () => [{ name: "web.1", port: server.port }],
      // A comment comes every 15 s; the platform waits for 55.
      times: { idleMs: 25_000 },
    });
    afterwards(() => router.close());
    const reader = await readEvents(`${router.url}/api/rooms/lobby/events`);
    await reader.waitFor("joined");
    await waitFor(() => reader.comments.length === 2, "two comments", 45_000);
    await post(router.url, "lobby", "after a long silence");
    await reader.waitForText("after a long silence");
    expect(reader.ended).toBe(false);
  });

  it("answers 503 and stays up while Redis is away, and 201 when it is back", async () => {
    const { redis, servers } = await startFleet(1, { env: { API_KEYS: KEY } });
    const [{ url }] = servers as [Server];
    await redis.kill();
    const away = await post(url, "lobby", "hello");
    expect(away.status).toBe(503);
    expect(await away.json()).toMatchObject({ code: "unavailable", retryable: true });
    expect((await fetch(`${url}/api/rooms/lobby/messages`)).status).toBe(503);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await redis.restart();
    await waitFor(
      async () => (await post(url, "lobby", "hello again")).status === 201,
      "it stores again",
      30_000,
    );
  });
});
