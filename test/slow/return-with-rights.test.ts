import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import type { Authorize, RightsAnswer, RightsQuestion } from "../../src/chat/rights/authorizer.ts";
import { connectV1, type V1Client } from "../kit/clients/v1-client.ts";
import { openApi, withKey } from "../kit/servers/api.ts";
import { startRedis } from "../kit/servers/redis.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

/** Beside other slow tests a machine with two cores has no time for more; 1,000 are for a run by itself. */
const CLIENTS = Number(process.env["RETURNING_CLIENTS"] ?? 200);
const ROOMS = 1_000;
const ROOMS_OF_ONE = 20;
const DESK = "desk-key-of-a-program";
const CALLS = 32;
/** For the whole test, ms. */
const TEST_MS = 240_000;
/** For how long a client tries to get in, ms; on an idle machine all are in within 5 s. */
const PATIENCE_MS = 60_000;
/** For how long clients try whom nobody lets in, ms. */
const IN_VAIN_MS = 5_000;

const OPTIONS = {
  apiKeys: [`desk:${DESK}:moderate@*`],
  messagesPerSecond: 0,
  requestsPerSecond: 0,
  addressRequestsPerSecond: 0,
  maxConnectionsPerAddress: 0,
  connectsPerSecondPerAddress: 0,
  maxRoomsPerAddress: 0,
  maxRoomsPerUser: 0,
  maxConnectionsPerUser: 0,
  programFactor: 1,
};

/** The rooms of one client, of which each has 20 people. */
function roomsOf(client: number): string[] {
  return Array.from({ length: ROOMS_OF_ONE }, (_, n) => `room-${(client + n * 50) % ROOMS}`);
}

function write({ rooms }: RightsQuestion): RightsAnswer {
  return Object.fromEntries(rooms.map((room) => [room, "write"]));
}

/** An app that takes a time to answer, and counts its calls. */
function appThat(answer: (question: RightsQuestion) => Promise<RightsAnswer>) {
  const seen = { underWay: 0, most: 0, calls: 0 };
  const authorize: Authorize = async (question) => {
    seen.calls += 1;
    seen.underWay += 1;
    seen.most = Math.max(seen.most, seen.underWay);
    try {
      return await answer(question);
    } finally {
      seen.underWay -= 1;
    }
  };
  return { authorize, seen };
}

async function serverWith(redisUrl: string, authorize: Authorize) {
  const app = await openApi({ ...OPTIONS, redisUrl, authorize });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  await waitFor(async () => (await fetch(`${url}/readyz`)).ok, "the server is ready");
  return { app, url };
}

/** Connects as the guests with those tokens, who enter all rooms at once; returns the rooms that each is in. */
async function enter(url: string, tokens: readonly (string | undefined)[], patienceMs = PATIENCE_MS) {
  const clients: V1Client[] = [];
  for (let start = 0; start < tokens.length; start += 100) {
    const some = tokens
      .slice(start, start + 100)
      .map((token) => connectV1(url.replace("http", "ws"), token === undefined ? {} : { token }));
    clients.push(...(await Promise.all(some)));
  }
  const begun = performance.now();
  const inside = await Promise.all(
    clients.map(async (client, n) => {
      const joins = await Promise.all(roomsOf(n).map((room) => join(client, room, patienceMs)));
      return joins.filter(Boolean).length;
    }),
  );
  const ms = Math.round(performance.now() - begun);
  return { clients, inside, ms };
}

/** Joins a room as the client library does: what may succeed later is tried again. Returns whether it got in. */
async function join(client: V1Client, room: string, patienceMs: number): Promise<boolean> {
  const until = performance.now() + patienceMs;
  while (performance.now() < until) {
    // On a busy machine an answer may take longer than a client waits for it: it asks again.
    const answer = await client.request({ type: "join", room, limit: 0 }).catch(() => undefined);
    if (answer?.type === "joined") return true;
    if (answer?.type === "error" && !answer.retryable) return false;
    await sleep(answer?.type === "error" ? (answer.retryAfterMs ?? 300) : 300);
  }
  return false;
}

function tokenOf(client: V1Client): string {
  const welcome = client.frames.find((frame) => frame.type === "welcome");
  return welcome?.type === "welcome" ? welcome.token : "";
}

it(
  "clients of 20 rooms return while the app is slow, then while it is down: it has 32 calls at most, and nobody is in who was shut out",
  async () => {
    const redis = await startRedis();
    afterwards(() => redis.stop());
    const first = await serverWith(redis.url, write);
    const begun = await enter(
      first.url,
      Array.from({ length: CLIENTS }, () => undefined),
    );
    expect(begun.inside.every((rooms) => rooms === ROOMS_OF_ONE)).toBe(true);
    const tokens = begun.clients.map(tokenOf);
    const outcast = begun.clients[0]?.frames.find((frame) => frame.type === "welcome");
    const user = outcast?.type === "welcome" ? outcast.user.id : "";
    const newcomers = Array.from({ length: 10 }, () => undefined);
    await first.app.close();

    const slow = appThat(async (question) => {
      await sleep(200);
      return write(question);
    });
    const second = await serverWith(redis.url, slow.authorize);
    const shutOut = await fetch(`${second.url}/api/rooms/${roomsOf(0)[0]}/access`, {
      method: "POST",
      headers: { ...withKey(DESK), "content-type": "application/json" },
      body: JSON.stringify({ user, right: "none" }),
    });
    expect(shutOut.status).toBe(200);
    const back = await enter(second.url, tokens);
    expect(back.inside[0]).toBe(ROOMS_OF_ONE - 1);
    expect(back.inside.slice(1).every((rooms) => rooms === ROOMS_OF_ONE)).toBe(true);
    const fresh = await enter(second.url, newcomers);
    expect(fresh.inside.every((rooms) => rooms === ROOMS_OF_ONE)).toBe(true);
    await waitFor(() => slow.seen.underWay === 0, "the app has answered everything", 60_000);
    expect(slow.seen.most).toBeLessThanOrEqual(CALLS);
    await second.app.close();

    const down = appThat(() => new Promise(() => undefined));
    const third = await serverWith(redis.url, down.authorize);
    const still = await enter(third.url, tokens);
    expect(still.inside[0]).toBe(ROOMS_OF_ONE - 1);
    expect(still.inside.slice(1).every((rooms) => rooms === ROOMS_OF_ONE)).toBe(true);
    const strangers = await enter(third.url, newcomers, IN_VAIN_MS);
    expect(strangers.inside.every((rooms) => rooms === 0)).toBe(true);
    expect(down.seen.most).toBeLessThanOrEqual(CALLS);
    process.stdout.write(
      `${CLIENTS} clients back in ${ROOMS_OF_ONE} rooms each: ${back.ms} ms with an app that takes 200 ms (${slow.seen.calls} calls), ${still.ms} ms with one that is down\n`,
    );
  },
  TEST_MS,
);
