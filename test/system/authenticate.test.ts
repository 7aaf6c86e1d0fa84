import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { ChatClient } from "../../src/client/client.ts";
import { openHttpSocket } from "../../src/client/http-socket.ts";
import { systemClock } from "../../src/client/ports.ts";
import { type DynochatOptions, dynochat } from "../../src/plugin.ts";
import { cookieFetch } from "../kit/clients/cookie-fetch.ts";
import { readEvents } from "../kit/clients/event-reader.ts";
import { openWsSocketWith } from "../kit/clients/library-client.ts";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { refusalOf } from "../kit/clients/recorded-socket.ts";
import { connectV1, openV1 } from "../kit/clients/v1-client.ts";
import { KEY, withKey } from "../kit/servers/api.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const FOREIGN = { origin: "https://other.example" };

/** What the app's session `sid` makes the app answer. */
const SESSIONS: Readonly<Record<string, () => unknown>> = {
  ann: () => ({ id: "ann", name: "Ann Ash" }),
  mail: async () => ({ id: "ann@example.com", name: "Ann Ash" }),
  nameless: () => ({ id: 7 }),
  reader: () => ({ id: "reader", name: "Rea", rooms: { board: "read" } }),
  slow: () => new Promise(() => undefined),
  broken: () => Promise.reject(new Error("the app's database is away")),
  odd: () => ({ id: "" }),
  nothing: () => null,
};
const FAILING = ["slow", "broken", "odd", "nothing"];

/** Fastify's hooks in which plugins for sessions decorate a request. */
const HOOKS = ["onRequest", "preValidation", "preHandler"] as const;

interface Host {
  readonly app: FastifyInstance;
  readonly url: string;
  readonly wsUrl: string;
  /** The paths of the requests for which the app was asked. */
  readonly asked: string[];
}

/**
 * An app with a session of its own: a hook reads its cookie and decorates the request, as the plugins for
 * cookies and sessions do.
 */
async function startHost(
  options: DynochatOptions = {},
  hook: (typeof HOOKS)[number] = "onRequest",
): Promise<Host> {
  const app: FastifyInstance = fastify({ forceCloseConnections: true });
  const asked: string[] = [];
  app.decorateRequest("sid", undefined);
  const readSession = async (request: FastifyRequest): Promise<void> => {
    request.setDecorator("sid", /(?:^|; )sid=(\w+)/.exec(request.headers.cookie ?? "")?.[1]);
  };
  // Each by its name: the types of the hooks differ.
  if (hook === "onRequest") app.addHook("onRequest", readSession);
  else if (hook === "preValidation") app.addHook("preValidation", readSession);
  else app.addHook("preHandler", readSession);
  app.post<{ Params: { sid: string } }>("/sign-in/:sid", async ({ params }, reply) =>
    reply.header("Set-Cookie", `sid=${params.sid}; Path=/`).send(),
  );
  await app.register(dynochat, {
    authenticate: (request) => {
      asked.push(request.url.split("?")[0] ?? "");
      const sid = request.getDecorator<string | undefined>("sid");
      return (sid === undefined ? undefined : SESSIONS[sid]?.()) as undefined;
    },
    apiKeys: [KEY],
    shutdownSeconds: 0,
    messagesPerSecond: 0,
    ...options,
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  afterwards(() => app.close());
  return { app, url, wsUrl: url.replace("http", "ws"), asked };
}

function as(sid: string): { cookie: string } {
  return { cookie: `sid=${sid}` };
}

function siteToken(claims: object): Promise<string> {
  const token = new SignJWT({ ...claims, exp: Math.floor(Date.now() / 1_000) + 600 });
  return token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
}

function post(url: string, path: string, body: object, headers: Record<string, string> = {}) {
  return fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

/** The cookies that the answer to an upgrade sets. */
async function cookiesSet(url: string, headers: Record<string, string>): Promise<readonly string[]> {
  const socket = new WebSocket(url, { headers });
  afterwards(() => socket.terminate());
  const [answer]: IncomingMessage[] = await once(socket, "upgrade");
  return answer?.headers["set-cookie"] ?? [];
}

interface StoredMessage {
  readonly user: string;
  readonly handle: string;
  readonly text: string;
}

async function messagesIn(url: string, room: string): Promise<StoredMessage[]> {
  const answer = await fetch(`${url}/api/rooms/${room}/messages`, { headers: withKey() });
  const page: { messages: StoredMessage[] } = JSON.parse(await answer.text());
  return page.messages;
}

/** Ways to say something in a room under a name of one's own. */
const WAYS: Readonly<Record<string, (host: Host, sid: string, room: string) => Promise<void>>> = {
  "a v1 socket": async ({ wsUrl }, sid, room) => {
    const client = await connectV1(wsUrl, { headers: as(sid), handle: "Mallory", room });
    await client.say(room, "hi");
  },
  "a plain socket": async ({ url, wsUrl }, sid, room) => {
    const socket = await connectPlain(wsUrl, { headers: as(sid), query: { room } });
    socket.send({ handle: "Mallory", text: "hi" });
    await waitFor(async () => (await messagesIn(url, room)).length === 1, "the message is stored");
  },
  "the page's plain socket": async ({ url, wsUrl }, sid, room) => {
    const socket = await connectPlain(wsUrl, { path: "/", headers: as(sid), query: { room } });
    socket.send({ handle: "Mallory", text: "hi" });
    await waitFor(async () => (await messagesIn(url, room)).length === 1, "the message is stored");
  },
  HTTP: async ({ url }, sid, room) => {
    const answer = await post(url, `/api/rooms/${room}/messages`, { text: "hi", handle: "Mallory" }, as(sid));
    expect(answer.status).toBe(201);
  },
};

describe("a user of the app's own session", () => {
  it.each(Object.entries(WAYS))("writes as that user over %s, under the app's name", async (_way, write) => {
    const host = await startHost();
    await write(host, "ann", "lobby");
    expect(await messagesIn(host.url, "lobby")).toMatchObject([{ user: "s-ann", handle: "Ann Ash" }]);
    await write(host, "nameless", "attic");
    expect(await messagesIn(host.url, "attic")).toMatchObject([{ user: "s-7", handle: "Mallory" }]);
  });

  it("is that user on an event stream, and to POST /api/session, which sets no session", async () => {
    const { url } = await startHost();
    const stream = await readEvents(`${url}/api/rooms/lobby/events`, as("ann"));
    const joined = await stream.waitFor("joined");
    expect(joined.data.present?.users).toEqual([{ id: "s-ann", handle: "Ann Ash" }]);
    expect(stream.answer.headers.getSetCookie()).toEqual([]);
    const session = await post(url, "/api/session", { handle: "Mallory" }, as("ann"));
    expect(await session.json()).toMatchObject({ user: { id: "s-ann", handle: "Ann Ash" } });
    expect(session.headers.getSetCookie()).toEqual([]);
  });

  it.each(["ann", "mail"])("is the user whom a token of the site with the same id names: %s", async (sid) => {
    const { wsUrl } = await startHost({ tokenSecret: SECRET });
    const sub = sid === "mail" ? "ann@example.com" : sid;
    const byToken = await openV1(wsUrl);
    const { user } = await byToken.hello({ token: await siteToken({ sub, name: "Ann Ash" }) });
    const bySession = await openV1(wsUrl, { headers: as(sid) });
    expect((await bySession.hello()).user).toEqual(user);
  });

  it("opens the page without a token: it asks for no name, and makes no guest", async () => {
    const { url } = await startHost();
    const page = await fetch(url, { headers: as("ann") });
    expect(await page.text()).toContain('<meta name="fixed-name" content="true">');
    expect(page.headers.getSetCookie()).toEqual([]);
    const etag = page.headers.get("etag") ?? "";
    const nameless = await fetch(url, { headers: { ...as("nameless"), "if-none-match": etag } });
    expect(await nameless.text()).toContain('<meta name="fixed-name" content="">');
    expect(nameless.headers.getSetCookie()).toEqual([]);
    const guest = await fetch(url);
    expect(await guest.text()).toContain('<meta name="fixed-name" content="">');
    expect(guest.headers.getSetCookie()).not.toEqual([]);
  });

  it("gets no guest's cookie with a socket, and stays the user under another name or token", async () => {
    const { wsUrl } = await startHost();
    const guest = await openV1(wsUrl);
    const { token } = await guest.hello();
    const client = await openV1(wsUrl, { headers: as("nameless") });
    expect((await client.hello({ token, handle: "Nell" })).user).toEqual({ id: "s-7", handle: "Nell" });
    expect((await client.hello()).user).toEqual({ id: "s-7", handle: "Nell" });
    expect(await cookiesSet(`${wsUrl}/ws`, as("nameless"))).toEqual([]);
    expect(await cookiesSet(`${wsUrl}/ws`, {})).not.toEqual([]);
  });

  it("may do what the app says", async () => {
    const { url, wsUrl } = await startHost();
    const client = await connectV1(wsUrl, { headers: as("reader"), room: "board" });
    const say = { type: "message", room: "board", key: "k", text: "hi" } as const;
    expect(await client.refusal(say)).toMatchObject({ code: "forbidden" });
    expect(await client.refusal({ type: "join", room: "lobby" })).toMatchObject({ code: "forbidden" });
    const read = (room: string) => fetch(`${url}/api/rooms/${room}/messages`, { headers: as("reader") });
    expect([(await read("board")).status, (await read("lobby")).status]).toEqual([200, 403]);
    const plain = connectPlain(wsUrl, { headers: as("reader"), query: { room: "lobby" } });
    expect((await refusalOf(plain)).status).toBe(403);
    expect((await readEvents(`${url}/api/rooms/lobby/events`, as("reader"))).answer.status).toBe(403);
  });

  it("counts before a program's key, a token and a cookie", async () => {
    const { url } = await startHost({ tokenSecret: SECRET });
    const session = await post(url, "/api/session", { handle: "Gus" });
    const cookies = session.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
    const bearer = `Bearer ${await siteToken({ sub: "bob" })}`;
    for (const headers of [
      withKey(KEY, as("ann")),
      { authorization: bearer, ...as("ann") },
      { cookie: [...cookies, "sid=ann"].join("; ") },
    ])
      expect((await post(url, "/api/rooms/lobby/messages", { text: "hi" }, headers)).status).toBe(201);
    expect((await messagesIn(url, "lobby")).map(({ user }) => user)).toEqual(["s-ann", "s-ann", "s-ann"]);
  });
});

describe("a hello with a token of the site on a connection of the app's user", () => {
  it("is accepted for the same user, and changes neither name nor rights", async () => {
    const { wsUrl } = await startHost({ tokenSecret: SECRET });
    const client = await openV1(wsUrl, { headers: as("reader") });
    const token = await siteToken({ sub: "reader", name: "Other", rooms: { "*": "moderate" } });
    expect((await client.hello({ token })).user).toEqual({ id: "s-reader", handle: "Rea" });
    expect((await client.join("board")).right).toBe("read");
  });

  it("is refused for another user, and closes the connection if it is not valid", async () => {
    const { wsUrl } = await startHost({ tokenSecret: SECRET });
    const client = await openV1(wsUrl, { headers: as("ann") });
    const token = await siteToken({ sub: "bob" });
    expect(await client.refusal({ type: "hello", token })).toMatchObject({ code: "forbidden" });
    expect((await client.hello()).user.id).toBe("s-ann");
    expect(await client.refusal({ type: "hello", token })).toMatchObject({ code: "forbidden" });
    expect(await client.refusal({ type: "hello", token: "a.b.c" })).toMatchObject({ code: "unauthorized" });
    expect((await client.closed).code).toBe(4401);
  });
});

describe("when the app's session has ended", () => {
  it("the token of the former user makes no guest, and no user of another session", async () => {
    const { url, wsUrl } = await startHost();
    const client = await openV1(wsUrl, { headers: as("ann") });
    const { token } = await client.hello();
    const again = await openV1(wsUrl, { headers: as("ann") });
    expect((await again.hello({ token })).user.id).toBe("s-ann");
    const other = await openV1(wsUrl, { headers: as("nameless") });
    expect((await other.hello({ token })).user.id).toBe("s-7");
    const signedOut = await openV1(wsUrl);
    expect(await signedOut.refusal({ type: "hello", token })).toMatchObject({ code: "unauthorized" });
    expect((await signedOut.closed).code).toBe(4401);
    expect((await post(url, "/api/session", { token })).status).toBe(401);
    // Without it a client is a guest, as everybody else.
    expect((await (await openV1(wsUrl)).hello()).user.id).toMatch(/^g/);
  });

  it("a client library is told to sign in again, and does not go on as a guest", async () => {
    const { app, wsUrl } = await startHost();
    let headers: Record<string, string> = as("ann");
    const client = new ChatClient({
      url: `${wsUrl}/ws`,
      openSocket: openWsSocketWith(() => headers),
    });
    afterwards(() => client.stop());
    const users: (string | undefined)[] = [];
    client.on("self", () => users.push(client.self?.id));
    client.start();
    await waitFor(() => client.connection.name === "live", "the user is connected");
    headers = {};
    for (const { connection } of app.dynochat.chat.sessions()) connection.close(1012, "restarting");
    await waitFor(() => client.connection.name === "closed", "the client stops");
    expect(client.connection).toMatchObject({ cause: "unauthorized" });
    headers = as("ann");
    client.start();
    await waitFor(() => client.connection.name === "live", "the user is connected again");
    expect(new Set(users)).toEqual(new Set(["s-ann"]));
  });

  it("a client over HTTP who was a guest before writes no more, and does not as a guest", async () => {
    const { url, wsUrl } = await startHost();
    const browser = cookieFetch();
    const signIn = (sid: string) => browser(`${url}/sign-in/${sid}`, { method: "POST" });
    await browser(url);
    await browser(`${url}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"handle":"Gus"}',
    });
    await signIn("ann");
    const openSocket = openHttpSocket({ fetch: browser, clock: systemClock });
    const client = new ChatClient({ url: `${wsUrl}/ws`, openSocket });
    afterwards(() => client.stop());
    const room = client.join("lobby");
    client.start();
    await waitFor(() => room.state === "current", "the room is open");
    room.send("as Ann");
    await waitFor(async () => (await messagesIn(url, "lobby")).length === 1, "the message is stored");
    await signIn("over");
    room.send("as nobody");
    await waitFor(() => client.connection.name === "closed", "the client stops");
    expect(client.connection).toMatchObject({ cause: "unauthorized" });
    expect(await messagesIn(url, "lobby")).toMatchObject([{ user: "s-ann", text: "as Ann" }]);
  });
});

describe("where guests are shut out", () => {
  it.each([
    { guests: "none" },
    { tokenRequired: true },
    { tokenRequired: true, tokenSecret: SECRET },
  ] as const)("a user of the app's session counts as signed in: %j", async (options) => {
    const { url, wsUrl } = await startHost(options);
    const client = await connectV1(wsUrl, { headers: as("ann"), room: "lobby" });
    const plain = await connectPlain(wsUrl, { headers: as("ann") });
    await client.say("lobby", "hello");
    await plain.waitFor(({ text }) => text === "hello", "the plain socket has it");
    expect((await fetch(`${url}/api/rooms`, { headers: as("ann") })).status).toBe(200);
    expect((await post(url, "/api/session", {}, as("ann"))).status).toBe(200);
    // And nobody else does.
    const stranger = await openV1(wsUrl);
    expect(await stranger.refusal({ type: "hello" })).toMatchObject({ code: "unauthorized" });
    expect((await refusalOf(connectPlain(wsUrl))).status).toBe(401);
    expect((await fetch(`${url}/api/rooms`)).status).toBe(401);
    expect((await post(url, "/api/session", {})).status).toBe(401);
    const token = await siteToken({ sub: "ann" });
    const signedIn = await (await openV1(wsUrl)).request({ type: "hello", token });
    expect(signedIn.type).toBe("tokenSecret" in options ? "welcome" : "error");
  });
});

describe("an app that does not say who sent a request", () => {
  it.each(FAILING)("gets it rejected on every way, and no guest comes of it: %s", async (sid) => {
    const { app, url, wsUrl } = await startHost();
    const headers = as(sid);
    const upgrades = [
      () => openV1(wsUrl, { headers }),
      () => connectPlain(wsUrl, { headers }),
      () => connectPlain(wsUrl, { path: "/", headers }),
      () => connectPlain(wsUrl, { path: "/websocket", headers }),
    ];
    const requests = [
      () => fetch(url, { headers }),
      () => fetch(`${url}/api/rooms`, { headers }),
      () => fetch(`${url}/api/rooms/lobby/messages`, { headers }),
      () => fetch(`${url}/api/rooms/lobby/presence`, { headers }),
      () => fetch(`${url}/api/rooms/lobby/events`, { headers }),
      () => post(url, "/api/rooms/lobby/messages", { text: "hi" }, headers),
      () => post(url, "/api/rooms/lobby/messages", { text: "hi" }, withKey(KEY, headers)),
      () => post(url, "/api/session", {}, headers),
    ];
    await Promise.all([
      ...upgrades.map(async (open) => {
        const refused = await refusalOf(open());
        expect([refused.status, refused.body]).toEqual([
          503,
          "It cannot be checked now who you are; try again.\n",
        ]);
        expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
        expect(refused.headers["set-cookie"]).toBeUndefined();
      }),
      ...requests.map(async (send) => {
        const answer = await send();
        expect([answer.status, await answer.json()]).toMatchObject([503, { code: "unavailable" }]);
        expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
        expect(answer.headers.getSetCookie()).toEqual([]);
      }),
    ]);
    expect(app.dynochat.chat.size).toBe(0);
    expect(await messagesIn(url, "lobby")).toEqual([]);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });
});

describe("the app", () => {
  it("is asked once for each request and upgrade, and not for files, probes and frames", async () => {
    const { url, wsUrl, asked } = await startHost();
    const client = await connectV1(wsUrl, { headers: as("ann"), room: "lobby" });
    await client.say("lobby", "hi");
    await client.hello();
    expect(asked).toEqual(["/ws"]);
    for (const path of ["/livez", "/readyz", "/icon.svg", "/api/openapi.json"])
      await (await fetch(`${url}${path}`, { headers: as("ann") })).arrayBuffer();
    expect(asked).toEqual(["/ws"]);
    await (await fetch(url, { headers: as("ann") })).arrayBuffer();
    await post(url, "/api/session", {}, as("ann"));
    await post(url, "/api/rooms/lobby/messages", { text: "hi" }, as("ann"));
    expect(asked.slice(1)).toEqual(["/", "/api/session", "/api/rooms/lobby/messages"]);
  });

  it.each(HOOKS)("is asked after its own hook has decorated the request or the upgrade: %s", async (hook) => {
    const { url, wsUrl } = await startHost({}, hook);
    const client = await openV1(wsUrl, { headers: as("ann") });
    expect((await client.hello()).user.id).toBe("s-ann");
    expect(await (await post(url, "/api/session", {}, as("ann"))).json()).toMatchObject({
      user: { id: "s-ann" },
    });
    expect(await (await fetch(url, { headers: as("ann") })).text()).toContain('"fixed-name" content="true"');
  });

  it("is not asked for a page of another origin, which its cookie does not help", async () => {
    const { url, wsUrl, asked } = await startHost();
    const headers = { ...as("ann"), ...FOREIGN };
    expect((await post(url, "/api/rooms/lobby/messages", { text: "hi" }, headers)).status).toBe(403);
    expect((await post(url, "/api/session", {}, headers)).status).toBe(403);
    expect((await refusalOf(openV1(wsUrl, { headers }))).status).toBe(403);
    expect(asked).toEqual([]);
    const own = { ...as("ann"), origin: url };
    expect((await post(url, "/api/rooms/lobby/messages", { text: "hi" }, own)).status).toBe(201);
  });

  it("opens no more sockets than there may be by answering many upgrades at once", async () => {
    const answers: (() => void)[] = [];
    const { wsUrl } = await startHost({
      maxConnections: 1,
      authenticate: () =>
        new Promise((resolve) => answers.push(() => resolve({ id: "ann", name: "Ann Ash" }))),
    });
    const outcomeOf = (opening: Promise<unknown>) => opening.then(() => "open").catch(String);
    const outcomes = [outcomeOf(openV1(wsUrl)), outcomeOf(openV1(wsUrl))];
    await waitFor(() => answers.length === 2, "both upgrades wait for the app");
    for (const answer of answers) answer();
    const refused = "Error: 503 This server has no room for another connection.\n";
    expect((await Promise.all(outcomes)).sort()).toEqual([refused, "open"]);
  });

  it("opens no more plain sockets of one user than one user may have, and more when one is closed", async () => {
    const { wsUrl } = await startHost({ maxConnectionsPerUser: 1 });
    const first = await connectPlain(wsUrl, { headers: as("ann"), query: { room: "lobby" } });
    await expect(connectPlain(wsUrl, { headers: as("ann") })).rejects.toThrow("429");
    await connectPlain(wsUrl, { headers: as("nameless") });
    await first.close();
    await waitFor(
      () => connectPlain(wsUrl, { headers: as("ann") }).catch(() => undefined),
      "another socket opens",
    );
  });

  it("signs a user out of the connections they have, and in again by what the app says then", async () => {
    const { url, wsUrl } = await startHost({ apiKeys: [KEY, `desk:${"k".repeat(20)}:moderate@*`] });
    const ann = await connectV1(wsUrl, { headers: as("ann") });
    const done = await post(url, "/api/sign-out", { user: "s-ann" }, withKey("k".repeat(20)));
    expect(done.status).toBe(200);
    expect(await ann.closed).toMatchObject({ code: 4401 });
    const again = await connectV1(wsUrl, { headers: as("ann"), room: "lobby" });
    await again.say("lobby", "signed in again");
  });
});
