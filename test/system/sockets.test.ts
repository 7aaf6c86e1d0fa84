import { beforeAll, describe, expect, it } from "vitest";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { refusalOf } from "../kit/clients/recorded-socket.ts";
import { connectV1, openV1 } from "../kit/clients/v1-client.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { waitFor, within } from "../kit/vitest/wait-for.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer();
});

const PATHS = ["/ws", "/", "/websocket"] as const;

describe("a socket path", () => {
  it("speaks dynochat.v1 at /ws to clients that ask for it", async () => {
    const client = await openV1(server.wsUrl);
    expect(client.connection.socket.protocol).toBe("dynochat.v1");
    const welcome = await client.hello({ handle: "Ada" });
    expect(welcome.user.handle).toBe("Ada");
    expect(await client.join("lobby")).toMatchObject({ room: "lobby", recovered: true });
  });

  it("gives a guest without a name one of its own", async () => {
    const [one, two] = await Promise.all([openV1(server.wsUrl), openV1(server.wsUrl)]);
    const [first, second] = await Promise.all([one.hello(), two.hello({ handle: "  " })]);
    expect(first.user.handle).toMatch(/\S/);
    expect(second.user.handle).toMatch(/\S/);
    expect(first.user.id).not.toBe(second.user.id);
  });

  it.each(["/ws", "/websocket"])("tells a plain GET on %s in a sentence what belongs there", async (path) => {
    const response = await fetch(`${server.url}${path}`);
    expect(response.status).toBe(426);
    expect(response.headers.get("upgrade")?.toLowerCase()).toBe("websocket");
    expect(await response.text()).toMatch(/WebSocket/i);
    const client = await connectV1(server.wsUrl, { room: "lobby" });
    await client.say("lobby", "still here");
  });

  it("serves the page to a plain GET on /", async () => {
    const response = await fetch(`${server.url}/`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    expect(await response.text()).toMatch(/^<!doctype html>/i);
  });

  it.each(PATHS)("refuses a subprotocol that it does not know on %s", async (path) => {
    const { WebSocket } = await import("ws");
    const socket = new WebSocket(`${server.wsUrl}${path}`, ["chess.v7"]);
    const status = await within(
      new Promise((resolve) => {
        socket.once("error", () => undefined);
        socket.once("open", () => resolve("open"));
        socket.once("unexpected-response", (_request, response) => resolve(response.statusCode));
      }),
      "an answer",
    );
    socket.terminate();
    expect(status).toBe(400);
  });
});

describe("the origin check", () => {
  it.each(PATHS)("rejects a page of another site at %s with 403", async (path) => {
    for (const origin of ["https://evil.example", "null", "http://127.0.0.1.evil.example", "nonsense"]) {
      const refusal = await refusalOf(connectPlain(server.wsUrl, { path, headers: { origin } }));
      expect([origin, refusal.status]).toEqual([origin, 403]);
    }
  });

  it.each(PATHS)("lets the own page and programs without an origin in at %s", async (path) => {
    await connectPlain(server.wsUrl, { path });
    await connectPlain(server.wsUrl, { path, headers: { origin: server.url } });
    // Behind a router that ends TLS the page's scheme is not the socket's.
    await connectPlain(server.wsUrl, {
      path,
      headers: { origin: "https://chat.example", host: "chat.example" },
    });
  });

  it("follows the allow-list where there is one", async () => {
    const { wsUrl } = await startServer({ env: { ALLOWED_ORIGINS: "https://site.example" } });
    await connectV1(wsUrl, { headers: { origin: "https://site.example" } });
    const foreign = connectV1(wsUrl, { headers: { origin: "https://evil.example" } });
    expect(await refusalOf(foreign)).toMatchObject({ status: 403 });
    const insecure = connectV1(wsUrl, { headers: { origin: "http://site.example" } });
    expect(await refusalOf(insecure)).toMatchObject({ status: 403 });
  });

  it("lets every page in with *, and warns of it at the start", async () => {
    const open = await startServer({ env: { ALLOWED_ORIGINS: "*" } });
    await connectV1(open.wsUrl, { headers: { origin: "https://anybody.example" } });
    await open.waitForLog(
      (line) => line["level"] === 40 && JSON.stringify(line).includes("ALLOWED_ORIGINS"),
      "the warning",
    );
  });
});

describe("the caps", () => {
  it("answer 429 to one address too often and 503 to one socket too many, with Retry-After", async () => {
    const { wsUrl } = await startServer({
      env: { MAX_CONNECTIONS: "3", MAX_CONNECTIONS_PER_ADDRESS: "2", TRUST_PROXY: "true" },
    });
    const from = (address: string) =>
      connectV1(wsUrl, { headers: { "x-forwarded-for": `10.9.9.9, ${address}` } });
    const first = await from("10.0.0.1");
    await from("10.0.0.1");
    const third = await refusalOf(from("10.0.0.1"));
    expect(third.status).toBe(429);
    expect(third.headers["retry-after"]).toMatch(/^\d+$/);

    await from("10.0.0.2");
    const full = await refusalOf(from("10.0.0.3"));
    expect(full.status).toBe(503);
    expect(full.headers["retry-after"]).toMatch(/^\d+$/);

    await first.close();
    await waitFor(() => from("10.0.0.3").catch(() => undefined), "the place that was left is given again");
  });
});
