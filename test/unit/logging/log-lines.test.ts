import { connect } from "node:net";
import { PassThrough } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { buildApp } from "../../../src/app.ts";
import { ForwardedLines } from "../../../src/logging/forwarded-lines.ts";
import { LogLines } from "../../../src/logging/log-lines.ts";
import { identityOf } from "../../../src/monitoring/process-identity.ts";
import { processLogger } from "../../../src/process/process.ts";
import { readSettings } from "../../../src/settings/settings.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";

const LIMIT = 1024 * 1024;

/** An output whose reader takes `room` bytes and then nothing, until it is given more. */
class FakeOutput {
  text = "";
  room = Number.POSITIVE_INFINITY;
  readonly sizes: number[] = [];

  write(bytes: Buffer): number {
    const taken = Math.min(bytes.length, this.room);
    this.text += bytes.subarray(0, taken).toString("latin1");
    this.room -= taken;
    if (taken > 0) this.sizes.push(bytes.length);
    return taken;
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

function numbered(count: number, width = 99): string[] {
  return Array.from({ length: count }, (_, index) => `${String(index).padStart(width, ".")}\n`);
}

it("a log line of a request that is no HTTP does not contain it, at any level", async () => {
  const output = new FakeOutput();
  const lines = new LogLines({ output });
  const settings = readSettings({ LOG_LEVEL: "trace" });
  const app = await buildApp(settings, processLogger(settings, identityOf("here", {}), lines), "here");
  afterwards(() => app.close());
  const { port } = new URL(await app.listen({ port: 0, host: "127.0.0.1" }));
  const socket = connect(Number(port), "127.0.0.1");
  afterwards(() => socket.destroy());
  socket.resume().write("GET /w s?token=private HTTP/1.1\r\nHost: here\r\n\r\n");
  await waitFor(() => {
    lines.flushSync();
    return output.text.includes("Parse Error");
  }, "the error is logged");
  expect(output.text).not.toContain("rawPacket");
});

describe("log lines", () => {
  it("are written together, in parts of whole lines that a pipe takes at once", () => {
    const output = new FakeOutput();
    const lines = new LogLines({ output });
    for (const line of numbered(60)) lines.write(line);
    expect(output.text).toBe("");
    for (const line of numbered(100)) lines.write(line);
    lines.flushSync();
    expect(output.lines).toHaveLength(160);
    for (const size of output.sizes) {
      expect(size).toBeLessThanOrEqual(4096);
      expect(size % 100).toBe(0);
    }
    expect(output.sizes.length).toBeLessThan(8);
  });

  it("are written within a moment where there are few", async () => {
    const output = new FakeOutput();
    new LogLines({ output }).write("one\n");
    await waitFor(() => output.text === "one\n", "the line is written");
  });

  it("wait for a slow reader and come whole and in order, also where a write took half a line", async () => {
    const output = new FakeOutput();
    const lines = new LogLines({ output });
    output.room = 150;
    const all = numbered(200);
    for (const line of all) lines.write(line);
    expect(output.text).toBe(all.join("").slice(0, 150));
    output.room = Number.POSITIVE_INFINITY;
    await waitFor(() => output.text === all.join(""), "all lines are written");
  });

  it("beyond 1 MiB the oldest are dropped, and a line in their place says how many", async () => {
    const output = new FakeOutput();
    const counted = vi.fn<(count: number) => void>();
    const lines = new LogLines({ output, base: { instance: "one", dyno: undefined } });
    lines.countDrops(counted);
    output.room = 150;
    const all = numbered((2 * LIMIT) / 100);
    for (const line of all) lines.write(line);
    output.room = Number.POSITIVE_INFINITY;
    await waitFor(() => output.text.endsWith(all.at(-1)!), "the newest line is written");

    const [drop, ...others] = output.lines.filter((line) => line.startsWith("{"));
    expect(others).toEqual([]);
    const { time, msg, ...fields } = JSON.parse(drop!);
    const count = counted.mock.calls.reduce((sum, [more]) => sum + more, 0);
    expect(fields).toEqual({ level: 40, instance: "one", event: "lines-dropped", count });
    expect(time).toBeGreaterThan(0);
    expect(msg).toMatch(/dropped/);
    expect(output.lines).toHaveLength(all.length - count + 1);
    // The line that was begun, what else was in its part, then the gap, then all the newest.
    const gap = output.lines.indexOf(drop!);
    const kept = output.lines.toSpliced(gap, 1).map((line) => `${line}\n`);
    expect(kept).toEqual([...all.slice(0, gap), ...all.slice(gap + count)]);
    expect((kept.length - gap) * 100).toBeGreaterThan(LIMIT - 10_000);
  });

  it("one that is longer than all that may wait is dropped and counted", () => {
    const output = new FakeOutput();
    const lines = new LogLines({ output });
    lines.write(`${"x".repeat(LIMIT)}\n`);
    lines.write("after it\n");
    lines.flushSync();
    expect(JSON.parse(output.lines[0]!)).toMatchObject({ event: "lines-dropped", count: 1 });
    expect(output.lines.slice(1)).toEqual(["after it"]);
  });

  it("flushing waits once for a reader that takes nothing, and not again", () => {
    const output = new FakeOutput();
    const lines = new LogLines({ output });
    output.room = 0;
    lines.write("one\n");
    const write = vi.spyOn(output, "write");
    lines.flushSync();
    expect(write.mock.calls.length).toBeGreaterThan(1);
    write.mockClear();
    lines.flushSync();
    expect(write).toHaveBeenCalledOnce();
    output.room = 100;
    lines.flushSync();
    expect(output.text).toBe("one\n");
  });
});

describe("lines of a worker", () => {
  it("are passed on whole, also where they come in pieces, and the last one without its end", async () => {
    const output = new FakeOutput();
    const stream = new PassThrough();
    new ForwardedLines(stream, new LogLines({ output }));
    stream.write("fir");
    stream.write("st\nsecond\nthi");
    await waitFor(() => output.text === "first\nsecond\n", "the whole lines are written");
    stream.write("rd\nfourth");
    stream.end();
    await waitFor(() => output.text.endsWith("fourth\n"), "the rest is written");
    expect(output.lines).toEqual(["first", "second", "third", "fourth"]);
  });

  it("are not read while too many wait, and are when those are written", async () => {
    const output = new FakeOutput();
    const counted = vi.fn<(count: number) => void>();
    const lines = new LogLines({ output });
    lines.countDrops(counted);
    const stream = new PassThrough({ highWaterMark: LIMIT });
    new ForwardedLines(stream, lines);
    output.room = 0;
    const all = numbered((2 * LIMIT) / 100);
    for (let at = 0; at < all.length; at += 500) stream.write(all.slice(at, at + 500).join(""));
    await waitFor(() => stream.isPaused(), "the stream is not read");
    expect(stream.readableLength).toBeGreaterThan(LIMIT / 2);
    output.room = Number.POSITIVE_INFINITY;
    await waitFor(() => output.text.length === all.length * 100, "all lines are written");
    expect(output.text).toBe(all.join(""));
    expect(counted).not.toHaveBeenCalled();
  });

  it("are read to their end when the worker has ended, though the output is not read", async () => {
    const output = new FakeOutput();
    const stream = new PassThrough({ highWaterMark: LIMIT });
    const forwarded = new ForwardedLines(stream, new LogLines({ output }));
    output.room = 0;
    const all = numbered(LIMIT / 200);
    for (let at = 0; at < all.length; at += 500) stream.write(all.slice(at, at + 500).join(""));
    stream.end();
    await waitFor(() => stream.isPaused(), "the stream is not read");
    forwarded.release();
    await waitFor(() => stream.readableEnded, "everything is read");
  });
});
