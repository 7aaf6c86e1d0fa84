import { SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { includes, type Right } from "../../src/protocol/rights.ts";
import { readEvents } from "../kit/clients/event-reader.ts";
import { connectPlain, textsOf } from "../kit/clients/plain-client.ts";
import { connectV1, expected, type V1Client } from "../kit/clients/v1-client.ts";
import { openApi, withKey } from "../kit/servers/api.ts";
import { startRedis } from "../kit/servers/redis.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
/** A key that writes everywhere, and one that moderates everywhere. */
const BARE_KEY = "bare-key-of-a-program";
const DESK_KEY = "desk-key-of-a-program";
const BOT_KEY = "bot-key-of-a-program-";

const ROOMS = ["board", "secret-plans"] as const;
type Room = (typeof ROOMS)[number];

/** Who comes, and the right that is expected in each room. */
interface Visit {
  readonly who: string;
  /** The claims of a token of the site; undefined = no token. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: string;
  readonly rights: Readonly<Record<Room, Right>>;
  /** The access rule that the desk sets for the user before, in each room or for all rooms. */
  readonly rule?: "none" | "read";
  readonly isGlobal?: true;
}

const VISITS: readonly Visit[] = [
  { who: "a guest", rights: { board: "write", "secret-plans": "none" } },
  {
    who: "a user of the site without a claim",
    claims: {},
    rights: { board: "write", "secret-plans": "none" },
  },
  {
    who: "a user of the site who may enter no room",
    claims: { rooms: {} },
    rights: { board: "none", "secret-plans": "none" },
  },
  {
    who: "a user of the site who may read",
    claims: { rooms: { "secret-*": "read", "*": "read" } },
    rights: { board: "read", "secret-plans": "read" },
  },
  {
    who: "a user of the site who may write in one room",
    claims: { rooms: { "secret-plans": "write", "secret-*": "none" } },
    rights: { board: "none", "secret-plans": "write" },
  },
  {
    who: "a user of the site who may moderate",
    claims: { rooms: { "*": "moderate" } },
    rights: { board: "moderate", "secret-plans": "moderate" },
  },
  {
    who: "a user of the site who was shut out",
    claims: { rooms: { "*": "write" } },
    rule: "none",
    rights: { board: "none", "secret-plans": "none" },
  },
  {
    who: "a user of the site who was muted",
    claims: { rooms: { "*": "write" } },
    rule: "read",
    rights: { board: "read", "secret-plans": "read" },
  },
  {
    who: "a user of the site who was banned from all rooms",
    claims: { rooms: { "*": "write" } },
    rule: "none",
    isGlobal: true,
    rights: { board: "none", "secret-plans": "none" },
  },
  {
    who: "a user of the site who was muted in all rooms",
    claims: { rooms: { "*": "write" } },
    rule: "read",
    isGlobal: true,
    rights: { board: "read", "secret-plans": "read" },
  },
  {
    who: "a moderator whom a program shut out",
    claims: { rooms: { "*": "moderate" } },
    rule: "none",
    rights: { board: "none", "secret-plans": "none" },
  },
  {
    who: "a program with a scope",
    key: BOT_KEY,
    rights: { board: "read", "secret-plans": "write" },
  },
  {
    who: "a program whose key names no rights",
    key: BARE_KEY,
    rights: { board: "write", "secret-plans": "write" },
  },
];

/** A server that a visitor comes to, and how the visitor is known there. */
interface Caller {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly token: string | undefined;
  /** Whether it is a program, which has no sockets. */
  readonly isProgram: boolean;
}

type Outcome = "let in" | "refused";

/** A way to a room's content; fulfils with what came of it. `needs`: the least right that lets somebody in. */
interface Way {
  readonly name: string;
  readonly needs: Right;
  /** Whether programs can use it. */
  readonly forPrograms: boolean;
  readonly forUsersOfTheSite?: false;
  readonly take: (caller: Caller, room: Room) => Promise<Outcome>;
}

const outcomeOf = (status: number): Outcome => {
  if (status === 403) return "refused";
  expect(status).toBeLessThan(400);
  return "let in";
};

const socketOf = (url: string): string => url.replace("http", "ws");

function connected({ url, token }: Caller): Promise<V1Client> {
  return connectV1(socketOf(url), token === undefined ? {} : { token });
}

/** Asks for something and closes the socket; refused only where the answer says `forbidden`. */
async function bySocket(
  caller: Caller,
  ask: (client: V1Client) => Promise<{ readonly type: string }>,
): Promise<Outcome> {
  const client = await connected(caller);
  try {
    const answer = await ask(client);
    if (answer.type !== "error") return "let in";
    expect(answer).toMatchObject({ code: "forbidden", retryable: false });
    return "refused";
  } finally {
    await client.close();
  }
}

async function get({ url, headers }: Caller, path: string, more: Record<string, string> = {}) {
  return fetch(`${url}/api/${path}`, { headers: { ...headers, ...more } });
}

/** The id of a room's newest message, which not every caller may know. */
async function newestIn({ url }: Caller, room: string): Promise<string> {
  const answer = await fetch(`${url}/api/rooms/${room}/messages`, { headers: withKey(BARE_KEY) });
  const page: { readonly messages: readonly { readonly id: string; readonly type: string }[] } = JSON.parse(
    await answer.text(),
  );
  return page.messages.findLast(({ type }) => type === "message")?.id ?? "";
}

const WAYS: readonly Way[] = [
  {
    name: "join",
    needs: "read",
    forPrograms: false,
    take: (caller, room) => bySocket(caller, (client) => client.request({ type: "join", room })),
  },
  {
    name: "join again, with a cursor",
    needs: "read",
    forPrograms: false,
    take: (caller, room) =>
      bySocket(caller, (client) => client.request({ type: "join", room, after: "0-0" })),
  },
  {
    name: "read the history of a joined room",
    needs: "read",
    forPrograms: false,
    take: (caller, room) =>
      bySocket(caller, async (client) => {
        const joined = await client.request({ type: "join", room });
        return joined.type === "error" ? joined : client.request({ type: "history", room });
      }),
  },
  {
    name: "open a stream",
    needs: "read",
    forPrograms: true,
    take: async ({ url, headers }, room) => {
      const reader = await readEvents(`${url}/api/rooms/${room}/events`, { ...headers });
      if (reader.answer.status === 403) return "refused";
      const event = await Promise.race([reader.waitFor("joined"), reader.waitFor("left")]);
      reader.close();
      return event.name === "joined" ? "let in" : "refused";
    },
  },
  {
    name: "open a stream of several rooms, one of them open to all",
    needs: "read",
    forPrograms: true,
    take: async ({ url, headers }, room) => {
      const reader = await readEvents(`${url}/api/events?room=${room}&room=open-to-all`, { ...headers });
      if (reader.answer.status === 403) return "refused";
      const isOf = ({ data }: { data: { room?: string } }) => data.room === room;
      const event = await Promise.race([reader.waitFor("joined", isOf), reader.waitFor("left", isOf)]);
      reader.close();
      return event.name === "joined" ? "let in" : "refused";
    },
  },
  {
    name: "get its messages",
    needs: "read",
    forPrograms: true,
    take: async (caller, room) => outcomeOf((await get(caller, `rooms/${room}/messages`)).status),
  },
  {
    name: "ask whether its messages have changed",
    needs: "read",
    forPrograms: true,
    take: async (caller, room) => {
      const reader = { ...caller, headers: withKey(BARE_KEY) };
      const etag = (await get(reader, `rooms/${room}/messages`)).headers.get("etag") ?? "";
      const answer = await get(caller, `rooms/${room}/messages`, { "if-none-match": etag });
      expect([304, 403]).toContain(answer.status);
      return answer.status === 304 ? "let in" : "refused";
    },
  },
  {
    name: "ask who is there",
    needs: "read",
    forPrograms: true,
    take: async (caller, room) => outcomeOf((await get(caller, `rooms/${room}/presence`)).status),
  },
  {
    name: "find it in the list of rooms",
    needs: "read",
    forPrograms: true,
    take: async (caller, room) => {
      const list = await (await get(caller, "rooms")).text();
      return list.includes(`"room":"${room}"`) ? "let in" : "refused";
    },
  },
  {
    name: "open a plain socket",
    needs: "read",
    forPrograms: false,
    forUsersOfTheSite: false,
    take: async ({ url }, room) => {
      try {
        const socket = await connectPlain(socketOf(url), { query: { room } });
        await waitFor(() => textsOf(socket.frames).length > 0, "the history comes");
        await socket.close();
        return "let in";
      } catch (error) {
        expect(String(error)).toContain("403");
        return "refused";
      }
    },
  },
  {
    name: "say something by a socket",
    needs: "write",
    forPrograms: false,
    take: (caller, room) =>
      bySocket(caller, async (client) => {
        const joined = await client.request({ type: "join", room });
        if (joined.type === "error") return joined;
        return client.request({ type: "message", room, key: "k", text: "hello" });
      }),
  },
  {
    name: "be seen typing",
    needs: "write",
    forPrograms: false,
    take: async (caller, room) => {
      const [witness, other] = await Promise.all(
        ["witness", "other"].map(async (sub) =>
          connectV1(socketOf(caller.url), { token: await siteToken(sub), room }),
        ),
      );
      const client = await connected(caller);
      try {
        const joined = await client.request({ type: "join", room });
        if (joined.type === "error") return "refused";
        client.connection.send({ type: "typing", room, on: true });
        // Typing is not answered: what a witness is told of another who types after that decides.
        await client.request({ type: "ping" });
        other?.connection.send({ type: "typing", room, on: true });
        await witness?.waitFor((frame) => frame.type === "typing" && frame.user === "s-other");
        const typists = witness?.frames.flatMap((frame) => (frame.type === "typing" ? [frame.user] : []));
        return new Set(typists).size > 1 ? "let in" : "refused";
      } finally {
        await Promise.all([client, witness, other].map((each) => each?.close()));
      }
    },
  },
  {
    name: "say something over HTTP",
    needs: "write",
    forPrograms: true,
    take: async ({ url, headers }, room) => {
      const answer = await fetch(`${url}/api/rooms/${room}/messages`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ text: "hello" }),
      });
      return outcomeOf(answer.status);
    },
  },
  {
    name: "report a message by a socket",
    needs: "read",
    forPrograms: false,
    take: (caller, room) =>
      bySocket(caller, async (client) => {
        const joined = await client.request({ type: "join", room });
        if (joined.type === "error") return joined;
        return client.request({ type: "report", room, id: await newestIn(caller, room) });
      }),
  },
  {
    name: "report a message over HTTP",
    needs: "read",
    forPrograms: true,
    take: async (caller, room) => {
      const { url, headers } = caller;
      const answer = await fetch(`${url}/api/rooms/${room}/reports`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ id: await newestIn(caller, room) }),
      });
      return outcomeOf(answer.status);
    },
  },
  {
    name: "read what was reported there",
    needs: "moderate",
    forPrograms: true,
    take: async (caller, room) => outcomeOf((await get(caller, `reports?room=${room}`)).status),
  },
  {
    name: "find it in the list of all reports",
    needs: "moderate",
    forPrograms: true,
    take: async (caller, room) => {
      const list = await (await get(caller, "reports")).text();
      return list.includes(`"room":"${room}"`) ? "let in" : "refused";
    },
  },
  {
    name: "read its access rules",
    needs: "moderate",
    forPrograms: true,
    take: async (caller, room) => outcomeOf((await get(caller, `rooms/${room}/access`)).status),
  },
  {
    name: "read its access rules by a socket",
    needs: "moderate",
    forPrograms: false,
    take: (caller, room) => bySocket(caller, (client) => client.request({ type: "access-list", room })),
  },
];

function siteToken(sub: string, claims: object = { rooms: { "*": "moderate" } }): Promise<string> {
  const token = new SignJWT({ sub, exp: Math.floor(Date.now() / 1000) + 600, ...claims });
  return token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
}

const OPTIONS = {
  tokenSecret: SECRET,
  privateRooms: ["secret-*"],
  messagesPerSecond: 0,
  apiKeys: [BARE_KEY, `desk:${DESK_KEY}:moderate@*+operate`, `bot:${BOT_KEY}:read@*+write@secret-*`],
};

async function serverOf(options: object): Promise<string> {
  const app = await openApi({ ...OPTIONS, ...options });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  await waitFor(async () => (await fetch(`${url}/readyz`)).ok, "the server is ready");
  return url;
}

async function ask(url: string, path: string, key: string, body: object): Promise<unknown> {
  const headers = { ...withKey(key), "content-type": "application/json" };
  const answer = await fetch(`${url}/api/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  expect(answer.ok, await answer.clone().text()).toBe(true);
  return answer.json();
}

describe.each(["memory", "Redis"])("a room of two servers on %s", (kind) => {
  /** Where rules are set, and where visitors come: with Redis another process. */
  let desk = "";
  let door = "";

  beforeAll(async () => {
    if (kind === "memory") door = desk = await serverOf({});
    else {
      const redis = await startRedis();
      afterwards(() => redis.stop());
      [desk, door] = [await serverOf({ redisUrl: redis.url }), await serverOf({ redisUrl: redis.url })];
    }
    for (const room of [...ROOMS, "open-to-all"])
      await ask(desk, `rooms/${room}/messages`, BARE_KEY, { text: "first" });
    await waitFor(async () => {
      const list = await (await fetch(`${door}/api/rooms`, { headers: withKey(BARE_KEY) })).text();
      return ROOMS.every((room) => list.includes(room));
    }, "the rooms are listed");
    for (const room of ROOMS) {
      const id = await newestIn({ url: desk, headers: {}, token: undefined, isProgram: true }, room);
      await ask(desk, `rooms/${room}/reports`, DESK_KEY, { id });
    }
    for (const { who, rule, isGlobal } of VISITS) {
      if (rule === undefined) continue;
      const paths = isGlobal === true ? ["access"] : ROOMS.map((room) => `rooms/${room}/access`);
      for (const path of paths) await ask(desk, path, DESK_KEY, { user: `s-${idOf(who)}`, right: rule });
    }
  });

  const cases = VISITS.flatMap((visit) =>
    WAYS.filter(
      ({ forPrograms, forUsersOfTheSite = true }) =>
        (forPrograms || visit.key === undefined) && (forUsersOfTheSite || visit.claims === undefined),
    ).flatMap((way) => ROOMS.map((room) => ({ visit, way, room }))),
  );

  it.each(cases.map(({ visit, way, room }) => [visit.who, way.name, room, { visit, way, room }] as const))(
    "lets %s %s (%s) by the right alone",
    async (_who, _way, _room, { visit, way, room }) => {
      const token = visit.claims === undefined ? undefined : await siteToken(idOf(visit.who), visit.claims);
      const bearer = visit.key ?? token;
      // A guest over HTTP is known by a cookie; to read, none is needed.
      const cookie = { cookie: await sessionCookie(door) };
      const headers = bearer === undefined ? cookie : withKey(bearer);
      const caller = { url: door, headers, token, isProgram: visit.key !== undefined };
      // Nobody of several rooms may enter one that only one claim names.
      const isOpen = way.name.includes("several rooms")
        ? visit.rights[room] !== "none" && mayReadAll(visit)
        : true;
      const isAllowed = includes(visit.rights[room], way.needs) && isOpen;
      expect(await way.take(caller, room)).toBe(isAllowed ? "let in" : "refused");
    },
  );
});

/** Whether the visitor may read `open-to-all`. */
function mayReadAll({ claims, key }: Visit): boolean {
  if (key !== undefined || claims === undefined) return true;
  const rooms = claims["rooms"];
  return rooms === undefined || (typeof rooms === "object" && rooms !== null && "*" in rooms);
}

function idOf(who: string): string {
  return who.replaceAll(" ", "-");
}

describe("members of a room", () => {
  async function twoServers() {
    const redis = await startRedis();
    afterwards(() => redis.stop());
    return { desk: await serverOf({ redisUrl: redis.url }), door: await serverOf({ redisUrl: redis.url }) };
  }

  async function rule(url: string, user: string, right: string, more: object = {}): Promise<void> {
    await ask(url, "rooms/board/access", DESK_KEY, { user, right, ...more });
  }

  it("are told to leave on every process, get nothing from then on, and stay away", async () => {
    const { desk, door } = await twoServers();
    const ann = await connectV1(socketOf(door), { token: await siteToken("ann", {}), room: "board" });
    const ben = await connectV1(socketOf(door), { token: await siteToken("ben", {}), room: "board" });
    const stream = await readEvents(`${door}/api/rooms/board/events`, withKey(await siteToken("ann", {})));
    await stream.waitFor("joined");
    await ask(desk, "rooms/board/messages", BARE_KEY, { text: "before" });
    await Promise.all([ann.waitForText("before"), ben.waitForText("before")]);
    await rule(desk, "s-ann", "none", { reason: "spam" });
    await ask(desk, "rooms/board/messages", BARE_KEY, { text: "after" });
    const left = await ann.waitFor(({ type }) => type === "left");
    expect(left).toEqual({ type: "left", room: "board", reason: "You may not enter board." });
    await ben.waitForText("after");
    await stream.waitFor("left");
    await waitFor(() => stream.ended, "the stream of no rooms ends");
    expect(JSON.stringify([ann.frames, stream.events])).not.toContain('"after"');
    expect(JSON.stringify(ben.frames)).not.toContain("spam");
    expect(await ann.refusal({ type: "join", room: "board" })).toMatchObject({ code: "forbidden" });
    await rule(desk, "s-ann", "default");
    await waitFor(
      async () => (await ann.request({ type: "join", room: "board" })).type === "joined",
      "ann may enter again",
    );
  });

  it("are told what they may do, and when that changes", async () => {
    const { desk, door } = await twoServers();
    const ann = await connectV1(socketOf(door), { token: await siteToken("ann", {}) });
    expect(await ann.join("board")).toMatchObject({ right: "write" });
    await rule(desk, "s-ann", "read");
    expect(await ann.waitFor(({ type }) => type === "right")).toMatchObject({ room: "board", right: "read" });
    expect(await ann.refusal({ type: "message", room: "board", key: "k", text: "no" })).toEqual({
      type: "error",
      ref: 3,
      code: "forbidden",
      message: "You may read in board, but not write there.",
      retryable: false,
    });
    await rule(desk, "s-ann", "default");
    await ann.waitFor((frame) => frame.type === "right" && frame.right === "write");
    await ann.say("board", "again");
  });

  it("lose the rooms that another token of theirs does not name", async () => {
    const door = await serverOf({});
    const token = await siteToken("ann", { rooms: { board: "write", "secret-plans": "write" } });
    const ann = await connectV1(socketOf(door), { token });
    await ann.join("board");
    await ann.join("secret-plans");
    await ann.hello({ token: await siteToken("ann", { rooms: { board: "read" } }) });
    expect(await ann.waitFor(({ type }) => type === "left")).toMatchObject({ room: "secret-plans" });
    expect(await ann.refusal({ type: "message", room: "board", key: "k", text: "no" })).toMatchObject({
      code: "forbidden",
    });
  });

  it("may be a whole room, which moderators go on in", async () => {
    const { desk, door } = await twoServers();
    const [ann, moderator] = await Promise.all([
      connectV1(socketOf(door), { token: await siteToken("ann", {}), room: "board" }),
      connectV1(socketOf(door), { token: await siteToken("mo"), room: "board" }),
    ]);
    expected(
      "ok",
      await moderator.request({ type: "access", room: "board", user: "*", right: "read", seconds: 60 }),
    );
    await ann.waitFor(({ type }) => type === "right");
    expect(await ann.refusal({ type: "message", room: "board", key: "k", text: "no" })).toMatchObject({
      code: "forbidden",
    });
    await moderator.say("board", "Silence, please.");
    const listed = expected("access-list", await moderator.request({ type: "access-list", room: "board" }));
    expect(listed).toMatchObject({ more: false, rules: [{ user: "*", right: "read", by: "s-mo" }] });
    expect(desk).not.toBe(door);
  });

  it("who are guests may be shut out with their address, whoever they are next time", async () => {
    const { desk, door } = await twoServers();
    const guest = await connectV1(socketOf(door), { room: "board" });
    const user = await connectV1(socketOf(door), { token: await siteToken("ann", {}), room: "board" });
    const welcome = expected("welcome", await guest.waitFor(({ type }) => type === "welcome"));
    await rule(desk, welcome.user.id, "none", { address: true });
    await guest.waitFor(({ type }) => type === "left");
    const another = await connectV1(socketOf(door));
    expect(await another.refusal({ type: "join", room: "board" })).toMatchObject({ code: "forbidden" });
    expect(await another.request({ type: "join", room: "attic" })).toMatchObject({ type: "joined" });
    await user.say("board", "of the same address");
    const list = await (await fetch(`${desk}/api/rooms/board/access`, { headers: withKey(DESK_KEY) })).text();
    expect(list).toContain('"user":"@');
    const headers = { ...withKey(DESK_KEY), "content-type": "application/json" };
    const body = JSON.stringify({ user: "s-ann", right: "none", address: true });
    const answer = await fetch(`${desk}/api/rooms/board/access`, { method: "POST", headers, body });
    expect(await answer.json()).toMatchObject({ code: "bad-request" });
  });

  it("may be banned from all rooms at once, also on a process that starts later", async () => {
    const redis = await startRedis();
    afterwards(() => redis.stop());
    const [desk, door] = [await serverOf({ redisUrl: redis.url }), await serverOf({ redisUrl: redis.url })];
    const ann = await connectV1(socketOf(door), { token: await siteToken("ann", {}), room: "board" });
    await ann.join("attic");
    const moderator = await connectV1(socketOf(desk), { token: await siteToken("mo") });
    expected("ok", await moderator.request({ type: "access", user: "s-ann", right: "none", reason: "spam" }));
    await waitFor(
      () => ann.frames.filter(({ type }) => type === "left").length === 2,
      "ann is told to leave both rooms",
    );
    const later = await serverOf({ redisUrl: redis.url });
    const again = await connectV1(socketOf(later), { token: await siteToken("ann", {}) });
    expect(await again.refusal({ type: "join", room: "cellar" })).toMatchObject({ code: "forbidden" });
    const listed = expected("access-list", await moderator.request({ type: "access-list" }));
    expect(listed).toMatchObject({ rules: [{ user: "s-ann", right: "none", by: "s-mo", reason: "spam" }] });
    expected("ok", await moderator.request({ type: "access", user: "s-ann", right: "default" }));
    await waitFor(
      async () => (await again.request({ type: "join", room: "cellar" })).type === "joined",
      "ann may enter again",
    );
  });

  it.each([
    ["a guest", undefined],
    ["a user of the site", { rooms: { board: "moderate" } }],
  ])("may not be banned from all rooms, nor signed out, by %s", async (_who, claims) => {
    const door = await serverOf({});
    const token = claims === undefined ? undefined : await siteToken("mo", claims);
    const client = await connectV1(socketOf(door), token === undefined ? {} : { token });
    for (const request of [
      { type: "access", user: "s-ann", right: "none" },
      { type: "access-list" },
      { type: "recheck", user: "*" },
      { type: "sign-out", user: "*" },
    ] as const)
      expect(await client.refusal(request)).toMatchObject({ code: "forbidden" });
  });

  it("who are guests may be banned from all rooms with their address", async () => {
    const { desk, door } = await twoServers();
    const guest = await connectV1(socketOf(door), { room: "board" });
    const welcome = expected("welcome", await guest.waitFor(({ type }) => type === "welcome"));
    await ask(desk, "access", DESK_KEY, { user: welcome.user.id, right: "none", address: true });
    await guest.waitFor(({ type }) => type === "left");
    const another = await connectV1(socketOf(desk));
    await waitFor(
      async () => (await another.request({ type: "join", room: "attic" })).type === "error",
      "another guest of the address is refused",
    );
    const user = await connectV1(socketOf(door), { token: await siteToken("ann", {}), room: "attic" });
    await user.say("attic", "of the same address");
  });

  it("who are signed out lose their connections, tokens and cookies, and return with a new token", async () => {
    const { desk, door } = await twoServers();
    const before = { iat: Math.floor(Date.now() / 1000) - 60 };
    const token = await siteToken("ann", before);
    const ann = await connectV1(socketOf(door), { token, room: "board" });
    const ben = await connectV1(socketOf(door), { token: await siteToken("ben", before), room: "board" });
    const stream = await readEvents(`${door}/api/rooms/board/events`, withKey(token));
    await stream.waitFor("joined");
    const cookie = await sessionCookie(door, token);
    await ask(desk, "sign-out", DESK_KEY, { user: "s-ann" });
    expect(await ann.closed).toMatchObject({ code: 4401 });
    await waitFor(() => stream.ended, "the stream ends");
    const read = async (headers: Record<string, string>) =>
      (await fetch(`${door}/api/rooms/board/messages`, { headers })).status;
    expect([await read({ cookie }), await read(withKey(token))]).toEqual([401, 401]);
    const again = await connectV1(socketOf(door));
    expect(await again.request({ type: "hello", token })).toMatchObject({ code: "unauthorized" });
    const undated = await connectV1(socketOf(door));
    expect(await undated.request({ type: "hello", token: await siteToken("ann", {}) })).toMatchObject({
      code: "unauthorized",
      message: expect.stringContaining("iat"),
    });
    expect(await undated.closed).toMatchObject({ code: 4401 });
    const later = await siteToken("ann", { iat: Math.floor(Date.now() / 1000) + 2 });
    expect(await read(withKey(later))).toBe(200);
    await ben.say("board", "was not signed out");
  });
});

/** The cookies of a session: of a guest, or of the user of a token. */
async function sessionCookie(url: string, token?: string): Promise<string> {
  const answer = await fetch(`${url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  return answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .join("; ");
}
