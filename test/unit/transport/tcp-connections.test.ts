import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { Counters } from "../../../src/chat/counters.ts";
import { TcpConnections, type TcpLimits } from "../../../src/transport/tcp-connections.ts";
import { RecordingLogger } from "../../kit/logger.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

/** A connection that only its address is known of. */
class Peer extends Socket {
  constructor(address: string) {
    super();
    Object.defineProperty(this, "remoteAddress", { value: address });
    afterwards(() => this.destroy());
  }
}

function open(limits: Partial<TcpLimits>) {
  const counters = new Counters();
  const logger = new RecordingLogger();
  const connections = new TcpConnections({ total: 0, perAddress: 0, ...limits }, counters, logger);
  const arrive = (address = "192.0.2.1"): Peer => {
    const peer = new Peer(address);
    connections.add(peer);
    return peer;
  };
  const destroyed = (...peers: readonly Peer[]) => peers.map((peer) => peer.destroyed);
  return { connections, counters, logger, arrive, destroyed };
}

describe("the TCP connections of a process", () => {
  it("are refused above the limit where each has a request that is not answered", () => {
    const { connections, counters, logger, arrive, destroyed } = open({ total: 2 });
    const [first, second] = [arrive(), arrive("192.0.2.2")];
    for (const peer of [first, second]) connections.begin(peer);
    const third = arrive("192.0.2.3");
    expect(destroyed(first, second, third)).toEqual([false, false, true]);
    expect([connections.count, counters.limited.get("tcp")]).toEqual([2, 1]);
    expect(logger.lines).toMatchObject([{ level: "warn", fields: { event: "tcp-limit", open: 3 } }]);
  });

  it("are closed for a new one: first the one that is idle longest, then the one that has been silent longest", () => {
    const { connections, arrive, destroyed } = open({ total: 3 });
    const [silent, recent, idle] = [arrive(), arrive(), arrive()];
    for (const peer of [idle, recent]) connections.begin(peer);
    for (const peer of [idle, recent]) connections.end(peer);
    const all = [silent, recent, idle];
    const first = arrive();
    expect(destroyed(...all)).toEqual([false, false, true]);
    const second = arrive();
    expect(destroyed(...all)).toEqual([false, true, true]);
    const third = arrive();
    expect(destroyed(...all)).toEqual([true, true, true]);
    expect(destroyed(first, second, third)).toEqual([false, false, false]);
    expect(connections.count).toBe(3);
  });

  it("are not closed for another one while one of several requests is not answered", () => {
    const { connections, arrive, destroyed } = open({ total: 1 });
    const busy = arrive();
    for (let request = 0; request < 2; request += 1) connections.begin(busy);
    connections.end(busy);
    expect(destroyed(busy, arrive())).toEqual([false, true]);
    connections.end(busy);
    expect(destroyed(arrive(), busy)).toEqual([false, true]);
  });

  it("are bounded for each address, of IPv6 for each /64 network, and close only that address's own", () => {
    const { connections, counters, arrive, destroyed } = open({ perAddress: 1 });
    const other = arrive("192.0.2.9");
    const first = arrive("2001:db8:1:2::1");
    connections.begin(first);
    const second = arrive("2001:db8:1:2::2");
    expect(destroyed(other, first, second)).toEqual([false, false, true]);
    expect(counters.limited.get("address-tcp")).toBe(1);
    connections.end(first);
    const third = arrive("2001:db8:1:2::3");
    expect(destroyed(other, first, third)).toEqual([false, true, false]);
  });

  it("count an IPv4 address and its mapped form as one, and one connection once", () => {
    const { connections, arrive, destroyed } = open({ perAddress: 1 });
    const first = arrive("192.0.2.1");
    connections.add(first);
    expect(connections.count).toBe(1);
    connections.begin(first);
    expect(destroyed(arrive("::ffff:192.0.2.1"))).toEqual([true]);
  });

  it("that have closed are not counted", async () => {
    const { connections, arrive, destroyed } = open({ total: 1, perAddress: 1 });
    const first = arrive();
    connections.begin(first);
    const closed = new Promise((resolve) => first.once("close", resolve));
    first.destroy();
    await closed;
    expect(connections.count).toBe(0);
    expect(destroyed(arrive())).toEqual([false]);
  });

  it("have no limit at 0", () => {
    const { arrive, destroyed } = open({});
    expect(destroyed(arrive(), arrive(), arrive())).toEqual([false, false, false]);
  });

  it("are closed when they send a 65th request before an answer", () => {
    const { connections, counters, arrive } = open({});
    const greedy = arrive();
    for (let request = 0; request < 64; request += 1) connections.begin(greedy);
    expect(greedy.destroyed).toBe(false);
    connections.begin(greedy);
    expect([greedy.destroyed, counters.limited.get("pipelined-requests")]).toEqual([true, 1]);
  });
});
