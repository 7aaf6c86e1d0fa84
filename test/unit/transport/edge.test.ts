import type { Writable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import * as ws from "ws";
import { Counters } from "../../../src/chat/counters.ts";
import { SETTINGS } from "../../../src/settings/table.ts";
import { type ConnectionBounds, ConnectionLimits } from "../../../src/transport/connection-limits.ts";
import { textFrame } from "../../../src/transport/websocket/text-frame.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

/** What reads frames in `ws`; exported there, and left out of its types. */
const Receiver: new (options: object) => Writable = Reflect.get(ws, "Receiver");

describe("a text frame", () => {
  const LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000];

  it.each(LENGTHS)("of %d bytes is read by ws as it was written", (length) => {
    const receiver = new Receiver({ isServer: false });
    const got: { data: Buffer; isBinary: boolean }[] = [];
    receiver.on("message", (data: Buffer, isBinary: boolean) => got.push({ data, isBinary }));
    const payload = Buffer.alloc(length, "x");
    receiver.write(textFrame(payload));
    expect(got.map(({ isBinary }) => isBinary)).toEqual([false]);
    // Byte by byte an assertion takes seconds on a slow machine.
    expect(got[0]?.data.equals(payload)).toBe(true);
  });

  it("stands beside others in one buffer", async () => {
    const receiver = new Receiver({ isServer: false, allowSynchronousEvents: true });
    const lengths: number[] = [];
    const all = new Promise<void>((done) => {
      receiver.on("message", (data: Buffer) => {
        lengths.push(data.length);
        if (lengths.length === LENGTHS.length) done();
      });
    });
    receiver.write(Buffer.concat(LENGTHS.map((length) => textFrame(Buffer.alloc(length, "x")))));
    await all;
    expect(lengths).toEqual(LENGTHS);
  });
});

function censusOf(limits: Partial<ConnectionBounds>) {
  const counters = new Counters();
  const none = { connections: 0, connectionsPerAddress: 0, connectsPerSecond: 0 };
  return { census: new ConnectionLimits({ ...none, ...limits }, counters), limited: counters.limited };
}

describe("the census of sockets", () => {
  it("is full for all at its limit, and for one address at its own", () => {
    const { census: connectionLimits, limited } = censusOf({ connections: 3, connectionsPerAddress: 2 });
    connectionLimits.arrive("a");
    connectionLimits.arrive("a");
    expect([connectionLimits.full("a"), connectionLimits.full("b")]).toEqual(["address", undefined]);
    connectionLimits.arrive("b");
    expect([connectionLimits.full("a"), connectionLimits.full("b"), connectionLimits.full("c")]).toEqual([
      "process",
      "process",
      "process",
    ]);
    connectionLimits.depart("a");
    expect([connectionLimits.full("a"), connectionLimits.full("b"), connectionLimits.count]).toEqual([
      undefined,
      undefined,
      2,
    ]);
    expect([...limited]).toEqual([
      ["address-connections", 1],
      ["connections", 3],
    ]);
  });

  it("has no limit at 0", () => {
    const { census: connectionLimits } = censusOf({});
    for (let i = 0; i < 20_000; i += 1) {
      expect(connectionLimits.connect("a")).toBe(0);
      connectionLimits.arrive("a");
    }
    expect([connectionLimits.full("a"), connectionLimits.count]).toEqual([undefined, 20_000]);
  });

  it("lets one address open its connections per second for ten seconds at once, and then at that rate", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    afterwards(() => vi.useRealTimers());
    const { census: connectionLimits, limited } = censusOf({
      connectsPerSecond: SETTINGS.connectsPerSecondPerAddress.default,
    });
    // Five hundred people behind one address, who return at once after a crash.
    for (let person = 0; person < 500; person += 1) expect(connectionLimits.connect("2001:db8::1")).toBe(0);
    expect(connectionLimits.connect("2001:db8::2")).toBe(20);
    expect(connectionLimits.connect("192.0.2.1")).toBe(0);
    expect(limited.get("address-connects")).toBe(1);
    vi.advanceTimersByTime(1_000);
    connectionLimits.sweep();
    for (let person = 0; person < 50; person += 1) expect(connectionLimits.connect("2001:db8::1")).toBe(0);
    expect(connectionLimits.connect("2001:db8::1")).toBe(20);
  });
});
