import { isIPv6 } from "node:net";
import fc from "fast-check";
import type { FastifyInstance } from "fastify";
import { describe, expect, it, vi } from "vitest";
import { Counters } from "../../../src/chat/counters.ts";
import { canonicalAddress, networkOf } from "../../../src/transport/client-address.ts";
import { ConnectionLimits } from "../../../src/transport/connection-limits.ts";
import { refusalOf } from "../../kit/clients/recorded-socket.ts";
import { connectV1 } from "../../kit/clients/v1-client.ts";
import { MESSAGES, openApi } from "../../kit/servers/api.ts";
import { appLog } from "../../kit/servers/app-log.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

describe("the canonical form of an address", () => {
  it.each([
    ["203.0.113.10", "203.0.113.10"],
    ["203.0.113.10:50001", "203.0.113.10"],
    [" 203.0.113.10 ", "203.0.113.10"],
    ["::ffff:203.0.113.10", "203.0.113.10"],
    ["::FFFF:cb00:710a", "203.0.113.10"],
    ["0:0:0:0:0:ffff:203.0.113.10", "203.0.113.10"],
    ["[::ffff:203.0.113.10]:50001", "203.0.113.10"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:443", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["[fe80::1%25eth0]:80", "fe80::1"],
    ["::1", "::1"],
    ["for=203.0.113.10", "203.0.113.10"],
    ['for="[2001:db8::1]:4711"', "2001:db8::1"],
  ])("of %j is %s", (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
    expect(canonicalAddress(canonical)).toBe(canonical);
  });

  it.each([
    undefined,
    "",
    " ",
    "unknown",
    "_hidden",
    "for=",
    "256.1.1.1",
    "1.2.3",
    "01.2.3.4",
    "[1.2.3",
    "a:b",
  ])("does not exist for %j", (text) => expect(canonicalAddress(text)).toBeUndefined());

  it("is the same for every spelling of an IPv6 address", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.tuple(group, group, group, group, group, group, group, group), (groups) => {
        const short = groups.map((each) => each.toString(16)).join(":");
        const long = groups.map((each) => each.toString(16).toUpperCase().padStart(4, "0")).join(":");
        expect(canonicalAddress(`[${long}]:80`)).toBe(canonicalAddress(short));
      }),
    );
  });
});

describe("what limits count by", () => {
  it("is an IPv4 address itself", () => {
    expect(networkOf("203.0.113.10")).toBe("203.0.113.10");
    expect(networkOf("203.0.113.11")).not.toBe(networkOf("203.0.113.10"));
  });

  it("is the /64 network of an IPv6 address, which has no other network's name", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), (one, other) => {
        const [a, b] = [canonicalAddress(one) ?? "", canonicalAddress(other) ?? ""];
        if (!isIPv6(a) || !isIPv6(b)) return;
        expect(networkOf(a) === networkOf(b)).toBe(bits(a).slice(0, 4).join() === bits(b).slice(0, 4).join());
      }),
    );
    expect(networkOf("2001:db8:1:2:aaaa::1")).toBe(networkOf("2001:db8:1:2:bbbb:c:d:2"));
    expect(networkOf("2001:db8::1")).not.toBe(networkOf("2001:db8:0:1::1"));
    expect(networkOf("::1")).toBe("0:0:0:0::/64");
  });

  it("is what connections are counted by, and given back by", () => {
    const connectionLimits = new ConnectionLimits(
      { connections: 0, connectionsPerAddress: 2, connectsPerSecond: 0 },
      new Counters(),
    );
    connectionLimits.arrive("2001:db8:1:2::1");
    connectionLimits.arrive("2001:db8:1:2::2");
    expect(connectionLimits.full("2001:db8:1:2::3")).toBe("address");
    expect(connectionLimits.full("2001:db8:1:3::1")).toBeUndefined();
    connectionLimits.depart("2001:db8:1:2::1");
    expect(connectionLimits.full("2001:db8:1:2::3")).toBeUndefined();
  });
});

/** The eight groups of an address, as numbers. */
function bits(address: string): number[] {
  const [before = "", after = ""] = address.split("::");
  const [left, right] = [before, after].map((part) => part.split(":").filter((each) => each !== ""));
  const zeros = Array<string>(8 - (left?.length ?? 0) - (right?.length ?? 0)).fill("0");
  return [...(left ?? []), ...zeros, ...(right ?? [])].map((each) => Number.parseInt(each, 16));
}

/** The chat behind one trusted proxy, as on the platform. */
function behindProxy(options = {}): Promise<FastifyInstance> {
  return openApi({ addressRequestsPerSecond: 10, ...options }, { trustProxy: (_address, hop) => hop < 1 });
}

/** The statuses of 300 requests within no time, each from what the proxy says is `from(i)`. */
async function statuses(
  app: FastifyInstance,
  request: { method: "GET" | "POST"; url: string; payload?: object },
  from: (i: number) => string,
): Promise<Set<number>> {
  vi.useFakeTimers({ toFake: ["performance"] });
  afterwards(() => vi.useRealTimers());
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      app.inject({ ...request, headers: { "x-forwarded-for": from(i) } }),
    ),
  );
  return new Set(answers.map(({ statusCode }) => statusCode));
}

describe("a limit per address", () => {
  const SPELLINGS: [string, (i: number) => string][] = [
    ["a port of its own for each connection", (i) => `203.0.113.10:${50_000 + i}`],
    ["another address before it", (i) => `198.51.100.${i % 250}, 203.0.113.10`],
    ["entries that are empty", (i) => `198.51.100.${i % 250}, , 203.0.113.10, ,`],
    ["another IPv6 address of one network", (i) => `2001:db8:1:2::${i.toString(16)}`],
    ["an IPv4-mapped address or none", (i) => (i % 2 === 0 ? "203.0.113.10" : "::ffff:203.0.113.10")],
    ["a text that is no address", (i) => `junk-${i}`],
  ];

  it.each(SPELLINGS)("is not evaded over HTTP by %s", async (_how, from) => {
    const app = await behindProxy();
    expect(await statuses(app, { method: "GET", url: MESSAGES }, from)).toContain(429);
    const signIn = { method: "POST", url: "/status/session", payload: { key: "guessed" } } as const;
    expect(await statuses(app, signIn, from)).toContain(429);
  });

  it.each(SPELLINGS)("is not evaded by a socket with %s", async (_how, from) => {
    const log = appLog();
    const app = await openApi(
      { maxConnectionsPerAddress: 2 },
      { ...log.server, trustProxy: (_address, hop) => hop < 1 },
    );
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    const connect = (i: number) =>
      connectV1(url.replace("http", "ws"), { headers: { "x-forwarded-for": from(i) } });
    await connect(1);
    await connect(2);
    expect((await refusalOf(connect(3))).status).toBe(429);
    const stream = await fetch(`${url}${MESSAGES.replace("messages", "events")}`, {
      headers: { "x-forwarded-for": from(4) },
    });
    expect(stream.status).toBe(429);
    for (const { address } of log.lines("open")) expect(canonicalAddress(String(address))).toBe(address);
  });

  it("counts each of several clients of a trusted proxy by itself", async () => {
    const app = await behindProxy();
    const answers = await statuses(
      app,
      { method: "GET", url: MESSAGES },
      (i) => `203.0.${i % 250}.10:${i + 1}`,
    );
    expect([...answers]).toEqual([200]);
  });
});

describe("a proxy that is not trusted", () => {
  it("is warned of once per process, in a line that names the setting, and is not believed", async () => {
    const log = appLog();
    const app = await openApi({ addressRequestsPerSecond: 10 }, log.server);
    await app.inject(MESSAGES);
    expect(log.lines("proxy-not-trusted")).toEqual([]);
    const answers = await statuses(app, { method: "GET", url: MESSAGES }, (i) => `203.0.113.${i % 250}`);
    expect([...answers]).toContain(429);
    const warnings = log.lines("proxy-not-trusted");
    expect(warnings).toMatchObject([{ level: 40, msg: expect.stringContaining("TRUST_PROXY=true") }]);
  });

  it("is not warned of where it is trusted", async () => {
    const log = appLog();
    const app = await openApi({}, { ...log.server, trustProxy: true });
    await app.inject({ url: MESSAGES, headers: { "x-forwarded-for": "203.0.113.10" } });
    expect(log.lines("proxy-not-trusted")).toEqual([]);
  });
});
