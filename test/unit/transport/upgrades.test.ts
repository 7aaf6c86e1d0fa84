import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import fastifyWebsocket from "@fastify/websocket";
import fastify, { type FastifyInstance } from "fastify";
import { expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { dynochat } from "../../../src/plugin.ts";
import { KEY, MESSAGES, openApi } from "../../kit/servers/api.ts";
import { appLog } from "../../kit/servers/app-log.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";
import { waitFor, within } from "../../kit/vitest/wait-for.ts";

const PLAIN = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
const UPGRADE = upgradeOf("/ws");

/** The request of an upgrade; `more` are header lines. */
function upgradeOf(path: string, { method = "GET", to = "websocket", more = [] as string[] } = {}): string {
  return [
    `${method} ${path} HTTP/1.1`,
    "Host: localhost",
    "Connection: Upgrade",
    `Upgrade: ${to}`,
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...more,
    "\r\n",
  ].join("\r\n");
}

interface Dialled {
  readonly socket: Socket;
  readonly got: () => string;
  /** Fulfils with everything that came when the server has closed the connection. */
  readonly ended: Promise<string>;
}

async function dial(app?: FastifyInstance): Promise<Dialled> {
  const url = await (app ?? (await openApi())).listen({ port: 0, host: "127.0.0.1" });
  return dialAt(url);
}

function dialAt(url: string): Dialled {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  afterwards(() => socket.destroy());
  let text = "";
  socket.on("data", (piece: Buffer) => {
    text += piece.toString("latin1");
  });
  return { socket, got: () => text, ended: once(socket, "close").then(() => text) };
}

/** What a connection that asks for an upgrade is answered until the server closes it. */
async function answerTo(request: string, app?: FastifyInstance): Promise<string> {
  const { socket, ended } = await dial(app);
  socket.write(request);
  return within(ended, "the answer and the end of the connection");
}

it("takes an upgrade on a connection whose requests are all answered", async () => {
  const { socket, got } = await dial();
  socket.write(PLAIN);
  await waitFor(() => got().includes("200 OK"), "the request is answered");
  socket.write(UPGRADE);
  await waitFor(() => got().includes("101 Switching Protocols"), "the socket is open");
});

const STREAM = PLAIN.replace("/livez", "/api/rooms/lobby/events");

it.each([1, 2, 5])(
  "answers %d requests that came with an upgrade, and then opens its socket",
  async (count) => {
    const { socket, got } = await dial();
    socket.write(PLAIN.repeat(count) + UPGRADE);
    await waitFor(() => got().includes("101 Switching Protocols"), "the socket is open");
    const statuses = [...got().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    expect(statuses).toEqual([...Array<string>(count).fill("200"), "101"]);
  },
);

it("answers a request that came with an upgrade, and then refuses that", async () => {
  const answer = await answerTo(PLAIN + upgradeOf("/nowhere"));
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 404"]);
});

it("answers a request that came with an upgrade to another protocol, and then that as if it were none", async () => {
  const answer = await answerTo(PLAIN + upgradeOf("/livez", { to: "h2c" }));
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200"]);
});

/**
 * Sends an event stream's request and an upgrade in one packet, and expects that the connection ends after 10
 * s.
 */
async function expectEndAfterTenSeconds({ socket, got, ended }: Dialled, upgrade: string): Promise<void> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    socket.write(STREAM + upgrade);
    await waitFor(() => got().includes("event: joined"), "the stream is open");
    vi.advanceTimersByTime(9_000);
    await new Promise(setImmediate);
    expect(socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1_000);
    await within(ended, "the connection ends");
    expect(got()).not.toContain("HTTP/1.1 101");
  } finally {
    vi.useRealTimers();
  }
}

it("ends a connection whose upgrade came after a request that is not answered within 10 s", async () => {
  await expectEndAfterTenSeconds(await dial(), UPGRADE);
});

it.each([
  ["a socket", UPGRADE],
  ["another protocol", upgradeOf("/livez", { to: "h2c" })],
])("ends such a connection that asks for %s at a second binding of the server", async (_what, upgrade) => {
  const app = await openApi();
  // As Fastify binds the second address of a name.
  const second = createServer((request, response) => app.routing(request, response));
  second.on("upgrade", app.server.emit.bind(app.server, "upgrade"));
  afterwards(() => second.close());
  await once(second.listen(0, "127.0.0.1"), "listening");
  const bound = second.address();
  const port = typeof bound === "object" ? bound?.port : "";
  await expectEndAfterTenSeconds(dialAt(`http://127.0.0.1:${port}`), upgrade);
});

it("ends a connection whose upgrade the surrounding app does not answer within 10 s", async () => {
  const app = await openApi();
  let asked = false;
  const { socket, ended } = await dial(app);
  app.routing = () => {
    asked = true;
  };
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    socket.write(upgradeOf("/nowhere"));
    await waitFor(() => asked, "the upgrade came");
    vi.advanceTimersByTime(10_000);
    await within(ended, "the connection ends");
  } finally {
    vi.useRealTimers();
  }
});

it.each(["/livez", "/api/rooms", "/api/events", "/nowhere", "/a/b/c", "/index.html", "/ws/"])(
  "answers 404 to an upgrade at %s, where there is no socket, and closes the connection",
  async (path) => {
    const answer = await answerTo(upgradeOf(`${path}?token=a-secret`));
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(answer.endsWith(`\r\n\r\nThere is no socket at ${path}.\n`)).toBe(true);
  },
);

it.each(["/ws", "/", "/websocket", "/livez", "/nowhere"])(
  "answers 403 to an upgrade of a foreign page at %s before anything else",
  async (path) => {
    const app = await openApi({ maxConnectionsPerAddress: 1 });
    await app.dynochat.sockets.drain.begin();
    const foreign = upgradeOf(path, {
      more: ["Origin: https://evil.example", "Sec-WebSocket-Protocol: chess"],
    });
    expect(await answerTo(foreign, app)).toMatch(/^HTTP\/1\.1 403 /);
  },
);

it("answers an upgrade whose address is malformed with 400, and closes the connection", async () => {
  expect(await answerTo(upgradeOf("/%ff"))).toMatch(/^HTTP\/1\.1 400 /);
});

it("answers a malformed handshake with 400 and closes the connection", async () => {
  const malformed = UPGRADE.replace(/Sec-WebSocket-Key.*\r\n/, "");
  expect(await answerTo(malformed)).toMatch(/^HTTP\/1\.1 400 /);
});

it("answers a request that asks for another protocol as if it had not asked, its body included", async () => {
  const app = await openApi();
  const body = JSON.stringify({ text: "said over h2c" });
  const fields = ["HTTP2-Settings: AAMAAABkAAQAAP__", `Authorization: Bearer ${KEY}`];
  const post = upgradeOf(MESSAGES, {
    method: "POST",
    to: "h2c",
    more: [...fields, "Content-Type: application/json", `Content-Length: ${body.length}`],
  });
  const { socket, ended } = await dial(app);
  // The body arrives in two pieces, the second one after Node has handed the connection over.
  socket.write(post + body.slice(0, 5));
  setImmediate(() => socket.write(body.slice(5)));
  expect(await within(ended, "the answer")).toMatch(/^HTTP\/1\.1 201 /);
  expect((await app.inject(MESSAGES)).json().messages).toMatchObject([{ text: "said over h2c" }]);
});

it.each([
  ["GET", "h2c", "/livez", 200],
  ["GET", "websocket, h2c", "/ws", 426],
  ["HEAD", "websocket", "/livez", 200],
  ["POST", "websocket", "/nowhere", 404],
  ["DELETE", "websocket", "/api/rooms", 404],
])("answers %s with Upgrade: %s at %s as an ordinary request", async (method, to, path, status) => {
  const answer = await answerTo(upgradeOf(path, { method, to }));
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
});

/** An embedding app, with what it does before and after it registers the chat. */
async function hostApp({
  before,
  after,
}: {
  before?: (app: FastifyInstance) => unknown;
  after?: (app: FastifyInstance) => unknown;
}): Promise<FastifyInstance> {
  const app = fastify({ forceCloseConnections: true });
  afterwards(() => app.close());
  await before?.(app);
  await app.register(dynochat, { page: false, secret: "s".repeat(32), shutdownSeconds: 0 });
  await after?.(app);
  await app.ready();
  return app;
}

/** Sockets at /own by an upgrade listener that ends every other upgrade, as its documentation shows it. */
function ownListener(app: FastifyInstance): void {
  const own = new WebSocketServer({ noServer: true });
  app.server.on("upgrade", (request, socket, head) => {
    if (request.url === "/own") own.handleUpgrade(request, socket, head, (opened) => opened.send("own"));
    else socket.destroy();
  });
}

function ownServer(app: FastifyInstance): void {
  const own = new WebSocketServer({ server: app.server, path: "/own" });
  own.on("connection", (opened) => opened.send("own"));
}

async function ownPlugin(app: FastifyInstance): Promise<void> {
  await app.register(fastifyWebsocket);
  app.get("/own", { websocket: true }, (socket) => socket.send("own"));
}

it.each([
  ["an upgrade listener, added before the chat", { before: ownListener }],
  ["an upgrade listener, added after the chat", { after: ownListener }],
  ["a server of ws, added before the chat", { before: ownServer }],
  ["a server of ws, added after the chat", { after: ownServer }],
  ["@fastify/websocket, registered before the chat", { before: ownPlugin }],
  ["@fastify/websocket, registered after the chat", { after: ownPlugin }],
])("leaves the sockets of the surrounding app to %s, and keeps its own", async (_how, steps) => {
  const app = await hostApp(steps);
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const own = dialAt(url);
  own.socket.write(upgradeOf("/own"));
  await waitFor(() => own.got().includes("\u0081\u0003own"), "the app's own socket speaks");
  const chat = dialAt(url);
  chat.socket.write(UPGRADE);
  await waitFor(() => chat.got().includes("101 Switching Protocols"), "the chat's socket is open");
  await waitFor(() => app.dynochat.sockets.count === 1, "the chat has one connection");
  expect(chat.socket.readyState).toBe("open");
});

it("opens the sockets of two chats in one app, and answers 404 where neither has one", async () => {
  const app = fastify({ forceCloseConnections: true });
  afterwards(() => app.close());
  for (const prefix of ["/one", "/two"]) {
    const chat = async (scope: FastifyInstance): Promise<void> => {
      await scope.register(dynochat, { page: false, shutdownSeconds: 0 });
    };
    await app.register(chat, { prefix });
  }
  app.get("/orders", async () => "orders");
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  for (const path of ["/one/ws", "/two/ws"]) {
    const { socket, got } = dialAt(url);
    socket.write(upgradeOf(path));
    await waitFor(() => got().includes("101 Switching Protocols"), `the socket at ${path} is open`);
  }
  for (const [path, status] of Object.entries({ "/nowhere": 404, "/orders": 200 })) {
    const { socket, ended } = dialAt(url);
    socket.write(upgradeOf(path));
    expect(await within(ended, "the answer")).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  }
});

it("logs no query of an address that a client opens, is refused at or fails at", async () => {
  const log = appLog();
  const app = await openApi({}, log.server);
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const SECRET = "token=a-secret";
  const open = dialAt(url);
  open.socket.write(upgradeOf(`/ws?${SECRET}`));
  await waitFor(() => log.lines("open").length === 1, "the socket is open");
  // A frame that is none, then the end.
  open.socket.write(Buffer.from([0xff, 0xff]));
  await waitFor(() => log.lines("close").length === 1, "the socket is closed");
  for (const path of ["/nowhere", "/livez", "/%ff", "/websocket"]) {
    const { socket, ended } = dialAt(url);
    socket.write(upgradeOf(`${path}?${SECRET}`, { more: ["Origin: https://evil.example"] }));
    await within(ended, "the answer");
  }
  const pipelined = dialAt(url);
  pipelined.socket.write(PLAIN + upgradeOf(`/ws?${SECRET}`));
  await waitFor(() => log.lines("open").length === 2, "the socket after a request is open");
  const events = dialAt(url);
  events.socket.write(`GET /api/events?room=lobby&${SECRET} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await waitFor(() => log.lines("open").length === 3, "the stream is open");
  expect(log.text()).not.toContain("a-secret");
});
