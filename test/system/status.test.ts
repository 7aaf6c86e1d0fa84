import { beforeAll, describe, expect, it } from "vitest";
import type { StatusView } from "../../src/http/status/status-view.ts";
import { connectV1 } from "../kit/clients/v1-client.ts";
import { startFleet } from "../kit/servers/fleet.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

/** Processes report every 5 s; a busy machine needs longer. */
const REPORTED_MS = 20_000;

const KEY = "the-key-of-the-operator";
const BEARER = { authorization: `Bearer ${KEY}` };

let server: Server;
beforeAll(async () => {
  server = await startServer({ env: { API_KEYS: KEY, TRUST_PROXY: "true" } });
});

function signIn(key: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${server.url}/status/session`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ key }),
  });
}

function fleetWith(headers: Readonly<Record<string, string>>, url = server.url): Promise<Response> {
  return fetch(`${url}/status/fleet`, { headers });
}

describe("/status", () => {
  it("is a page without a number on it, under the page's strict policy", async () => {
    const response = await fetch(`${server.url}/status`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(response.headers.get("content-security-policy")).not.toContain("unsafe");
    expect(await response.text()).toContain("Sign in");
  });

  it("shows how the processes are to nobody without a key", async () => {
    expect((await fleetWith({})).status).toBe(401);
    expect((await fleetWith({ authorization: "Bearer a-key-that-nobody-has" })).status).toBe(401);
    expect((await fleetWith({ cookie: "dynochat_operator=9999999999999.AAAA" })).status).toBe(401);
    expect((await fleetWith(BEARER)).status).toBe(200);
  });

  it("gives a cookie for a key that scripts cannot read and that other sites cannot use", async () => {
    const response = await signIn(KEY, { "x-forwarded-proto": "https", "x-forwarded-for": "10.0.0.1" });
    expect(response.status).toBe(204);
    const cookie = response.headers.get("set-cookie") ?? "";
    for (const word of ["HttpOnly", "SameSite=Strict", "Secure", "Path=/status"])
      expect(cookie).toContain(word);
    expect(cookie).not.toContain(KEY);
    const pair = cookie.split(";")[0] ?? "";
    expect((await fleetWith({ cookie: pair })).status).toBe(200);
    const out = await fetch(`${server.url}/status/session`, { method: "DELETE", headers: { cookie: pair } });
    expect(out.headers.get("set-cookie")).toContain("Max-Age=0");
  });

  it("takes no other key, and not many tries of one address", async () => {
    const from = (key: unknown) => signIn(key, { "x-forwarded-for": "10.0.0.2" });
    for (const key of ["a-key-that-nobody-has", "", 7, null]) expect((await from(key)).status).toBe(401);
    await waitFor(async () => (await from("guess")).status === 429, "the guesser is slowed down");
    expect((await signIn(KEY, { "x-forwarded-for": "10.0.0.3" })).status).toBe(204);
  });

  it("is of no use where there are no keys, and says so", async () => {
    const { url } = await startServer();
    expect((await fleetWith({}, url)).status).toBe(403);
    expect(await (await fleetWith({}, url)).json()).toMatchObject({
      message: expect.stringContaining("API_KEYS"),
    });
  });

  it("shows all processes, whichever is asked: sockets, rooms, counts, the store and the release", async () => {
    const { servers } = await startFleet(2, { env: { API_KEYS: KEY, HEROKU_RELEASE_VERSION: "v7" } });
    const clients = await Promise.all(
      servers.map(({ wsUrl }) => connectV1(wsUrl, { room: "secret-garden" })),
    );
    await clients[0]!.say("secret-garden", "hello");
    for (const { url } of servers) {
      const text = await waitFor(
        async () => {
          const body = await (await fleetWith(BEARER, url)).text();
          const { processes }: StatusView = JSON.parse(body);
          const counted = processes.filter(({ sockets, rooms }) => sockets === 1 && rooms === 1);
          return processes.length === 2 && counted.length === 2 ? body : undefined;
        },
        "both processes are seen with their client in its room",
        REPORTED_MS,
      );
      const { processes, logKind }: StatusView = JSON.parse(text);
      expect(logKind).toBe("redis");
      for (const process of processes) expect(process).toMatchObject({ state: "serving", release: "v7" });
      expect(text).not.toContain("secret-garden");
    }
  });
});
