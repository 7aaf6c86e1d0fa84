import type { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import * as ws from "ws";
import { Census } from "../../src/sockets/census.ts";
import { textFrame } from "../../src/sockets/text-frame.ts";

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

describe("the census of sockets", () => {
  it("is full for all at its limit, and for one address at its own", () => {
    const census = new Census(3, 2);
    census.arrive("a");
    census.arrive("a");
    expect([census.full("a"), census.full("b")]).toEqual(["address", undefined]);
    census.arrive("b");
    expect([census.full("a"), census.full("b"), census.full("c")]).toEqual(["process", "process", "process"]);
    census.depart("a");
    expect([census.full("a"), census.full("b"), census.count]).toEqual([undefined, undefined, 2]);
  });

  it("has no limit at 0", () => {
    const census = new Census(0, 0);
    for (let i = 0; i < 20_000; i += 1) census.arrive("a");
    expect([census.full("a"), census.count]).toEqual([undefined, 20_000]);
  });
});
