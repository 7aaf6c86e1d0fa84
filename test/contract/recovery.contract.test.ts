import { beforeAll, describe, expect, it } from "vitest";
import { BEGINNING, timeOf } from "../../src/protocol/ids.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import type { MessageStore, StoreLimits } from "../../src/store/store.ts";
import { FakeClient, idsOf, openChatOn } from "../kit/fakes/fake-client.ts";
import type { Out } from "../kit/fakes/fake-connection.ts";
import { RecordingLogger } from "../kit/logger.ts";
import { startRedis, type TestRedis } from "../kit/servers/redis.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { PATIENT, ROOMY } from "./open-store.ts";

const ROOM = "lobby";
const LIMIT = 50;

let redis: TestRedis;
let opened = 0;

beforeAll(async () => {
  redis = await startRedis();
  afterwards(() => redis.stop());
});

const prefix = () => `recovery-${opened}:`;

function redisLog(limits: StoreLimits): MessageStore {
  opened += 1;
  return sameLog(limits);
}

/** Another process's, of the store that was made last. */
function sameLog(limits: StoreLimits): MessageStore {
  const options = { url: redis.url, prefix: prefix(), tlsVerify: true };
  return new RedisStore(options, limits, new RecordingLogger(), PATIENT);
}

async function openWith(store: MessageStore) {
  const { chat } = openChatOn(store);
  await waitFor(() => chat.live, "the store is live");
  return chat;
}

/** Stores messages as other people do, and gives their ids in the order of the store. */
async function fill(store: MessageStore, count: number, room = ROOM): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 100) {
    const appends = Array.from({ length: Math.min(100, count - n) }, (_, i) => {
      const body = JSON.stringify({ type: "message", room, user: "u", handle: "U", text: `${n + i}` }).slice(
        1,
      );
      return store.append({ room, user: "u", key: undefined, body });
    });
    for (const appended of await Promise.all(appends)) {
      if (appended.outcome !== "stored") throw new Error(`not stored but ${appended.outcome}`);
      ids.push(appended.id);
    }
  }
  return ids;
}

/** What a client that comes back with a cursor is told. */
async function rejoin(
  store: MessageStore,
  join: object,
  chat?: Awaited<ReturnType<typeof openWith>>,
): Promise<Out> {
  const client = await FakeClient.greeted(chat ?? (await openWith(store)));
  const ref = client.request({ type: "join", room: ROOM, ...join });
  return waitFor(() => client.answer(ref), "the join is answered");
}

describe.each([
  { kind: "embedded", make: (limits: StoreLimits): MessageStore => new MemoryStore(limits) },
  { kind: "redis", make: redisLog },
])("recovery from the $kind store", ({ kind, make }) => {
  async function start(limits: Partial<StoreLimits> = {}) {
    const store = make({ ...ROOMY, ...limits });
    return { log: store, chat: await openWith(store) };
  }

  it.each([
    ["nothing", 0, 0, false],
    ["one message", 1, 1, false],
    ["as many as it asks for", LIMIT, LIMIT, false],
    ["one more than it asks for", LIMIT + 1, LIMIT, true],
    ["ten times what it asks for", 10 * LIMIT, LIMIT, true],
  ])("of a client that missed %s", async (_case, missed, got, more) => {
    const { log: store, chat } = await start();
    const ids = await fill(store, missed + 1);
    const joined = await rejoin(store, { after: ids[0], limit: LIMIT }, chat);
    expect(joined).toMatchObject({ recovered: true, more, head: ids.at(-1) });
    expect(idsOf(joined)).toEqual(ids.slice(1, 1 + got));
  });

  it("of a client whose last message was trimmed, together with what came after it", async () => {
    const { log: store, chat } = await start({ historyMessages: LIMIT });
    const ids = await fill(store, 600);
    const joined = await rejoin(store, { after: ids[0], limit: LIMIT }, chat);
    expect(joined).toMatchObject({ recovered: false, more: true, head: ids.at(-1) });
    expect(idsOf(joined)).toEqual(ids.slice(-LIMIT));
  });

  it("of a client whose last message is unknown here, or of another room", async () => {
    const { log: store, chat } = await start();
    const ids = await fill(store, LIMIT + 10);
    const [other] = await fill(store, 1, "other");
    for (const after of ["1000-1", "9999999999999-1", other]) {
      const joined = await rejoin(store, { after, limit: LIMIT }, chat);
      expect(joined).toMatchObject({ recovered: false, more: true, head: ids.at(-1) });
      expect(idsOf(joined)).toEqual(ids.slice(-LIMIT));
    }
  });

  it("of a client whose page ends between two messages of one millisecond", async () => {
    const { log: store, chat } = await start();
    const ids = await fill(store, 400);
    const edge = ids.findIndex((id, index) => index > 0 && timeOf(id) === timeOf(ids[index - 1] ?? id));
    expect(edge).toBeGreaterThan(0);
    const client = await FakeClient.greeted(chat);
    const first = client.request({ type: "join", room: ROOM, after: BEGINNING, limit: Math.min(edge, 200) });
    const joined = await waitFor(() => client.answer(first), "the join is answered");
    const rest = client.request({ type: "history", room: ROOM, after: idsOf(joined).at(-1), limit: 200 });
    const page = await waitFor(() => client.answer(rest), "the page is there");
    expect([...idsOf(joined), ...idsOf(page)]).toEqual(ids.slice(0, Math.min(edge, 200) + 200));
  });

  it("of a client of an empty room", async () => {
    const { log: store, chat } = await start();
    for (const after of [undefined, BEGINNING]) {
      const joined = await rejoin(store, after === undefined ? {} : { after }, chat);
      expect(joined).toMatchObject({ recovered: true, more: false, head: BEGINNING, messages: [] });
    }
  });

  it("of a client of a room that has expired, and of one whose log is an older copy", async () => {
    const { log: store } = await start();
    const ids = await fill(store, 20);
    if (kind === "embedded") {
      // An embedded store ends with its process: the next one's is empty. There are no older copies of it.
      const next = make(ROOMY);
      expect(await rejoin(next, { after: ids[9] })).toMatchObject({
        recovered: false,
        head: BEGINNING,
        messages: [],
      });
      return;
    }
    const stream = `${prefix()}{${ROOM}}:log`;
    expect(await redis.cli("EXISTS", stream)).toBe("1");
    const copy = `${stream}-copy`;
    await redis.cli("COPY", stream, copy);
    const lost = await fill(store, 10);
    await redis.cli("RENAME", copy, stream);
    const again = sameLog(ROOMY);
    const chat = await openWith(again);
    expect(await rejoin(again, { after: lost.at(-1) }, chat)).toMatchObject({
      recovered: false,
      head: ids.at(-1),
    });
    expect(await rejoin(again, { after: ids.at(-2) }, chat)).toMatchObject({
      recovered: true,
      head: ids.at(-1),
    });
    await redis.cli("DEL", stream);
    const expired = sameLog(ROOMY);
    expect(await rejoin(expired, { after: ids[9] })).toMatchObject({
      recovered: false,
      head: BEGINNING,
      messages: [],
    });
    expect(await rejoin(expired, { after: BEGINNING })).toMatchObject({ recovered: true });
  });
});
