import { beforeEach, describe, expect, it, vi } from "vitest";
import { Outbox } from "../../../../src/chat/room/outbox.ts";
import { entryOf } from "../../../../src/store/entry.ts";
import { HANDLE_CODEC } from "../../../../src/transport/codecs/plain.ts";
import { textFrame } from "../../../../src/transport/websocket/text-frame.ts";
import { FakeConnection } from "../../../kit/fakes/fake-connection.ts";

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"],
  });
  return () => vi.useRealTimers();
});

function entry(text: string) {
  return entryOf("1-1", "0-0", `"type":"message","room":"r","user":"u","handle":"h","text":"${text}"}`);
}

function answer(text: string): Buffer {
  return textFrame(Buffer.from(JSON.stringify({ type: "notice", text })));
}

function outboxTo(windowMs: number, ...connections: FakeConnection[]): Outbox {
  const outbox = new Outbox(windowMs);
  for (const connection of connections) outbox.add(connection);
  return outbox;
}

function texts(connection: FakeConnection): unknown[] {
  return connection.frames.map((frame) => frame["text"]);
}

describe("an outbox", () => {
  it("writes what arrives in one turn once to each connection, in order, from one buffer a kind", async () => {
    const [ann, ben, old] = [new FakeConnection(), new FakeConnection(), new FakeConnection(HANDLE_CODEC)];
    const outbox = outboxTo(5, ann, ben, old);
    for (const text of ["one", "two", "three"]) outbox.push(entry(text));
    expect(ann.writes).toEqual([]);
    await vi.advanceTimersByTimeAsync(0);
    for (const connection of [ann, ben, old]) {
      expect(connection.writes).toHaveLength(1);
      expect(texts(connection)).toEqual(["one", "two", "three"]);
    }
    expect(ann.writes[0]).toBe(ben.writes[0]);
    expect(ann.writes[0]).not.toBe(old.writes[0]);
  });

  it("lets the first message after a quiet time go at once, and joins the next ones", async () => {
    const ann = new FakeConnection();
    const outbox = outboxTo(5, ann);
    outbox.push(entry("first"));
    await vi.advanceTimersByTimeAsync(0);
    expect(texts(ann)).toEqual(["first"]);
    outbox.push(entry("second"));
    await vi.advanceTimersByTimeAsync(2);
    outbox.push(entry("third"));
    await vi.advanceTimersByTimeAsync(2);
    expect(ann.writes).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(ann.writes).toHaveLength(2);
    expect(texts(ann)).toEqual(["first", "second", "third"]);
    await vi.advanceTimersByTimeAsync(50);
    outbox.push(entry("fourth"));
    await vi.advanceTimersByTimeAsync(0);
    expect(ann.writes).toHaveLength(3);
  });

  it("sends an answer with the message it is about, in one write, in a quiet room and in a busy one", async () => {
    const [ann, ben] = [new FakeConnection(), new FakeConnection()];
    const outbox = outboxTo(5, ann, ben);
    outbox.answer(ann, answer("quiet"));
    await vi.advanceTimersByTimeAsync(1);
    outbox.push(entry("first"));
    await vi.advanceTimersByTimeAsync(0);
    expect(texts(ann)).toEqual(["quiet", "first"]);
    outbox.answer(ann, answer("busy"));
    outbox.push(entry("second"));
    expect(texts(ann)).toEqual(["quiet", "first"]);
    await vi.advanceTimersByTimeAsync(5);
    expect(texts(ann)).toEqual(["quiet", "first", "busy", "second"]);
    expect(ann.writes).toHaveLength(2);
    expect(texts(ben)).toEqual(["first", "second"]);
  });

  it.each([
    { where: "a quiet room", quietMs: 50, heldMs: 5 },
    { where: "a busy room", quietMs: 1, heldMs: 4 },
  ])(
    "holds an answer in $where no longer than the window, whether a message comes or not",
    async ({ quietMs, heldMs }) => {
      const ann = new FakeConnection();
      const outbox = outboxTo(5, ann);
      outbox.push(entry("first"));
      await vi.advanceTimersByTimeAsync(quietMs);
      outbox.answer(ann, answer("alone"));
      await vi.advanceTimersByTimeAsync(heldMs - 1);
      expect(texts(ann)).toEqual(["first"]);
      await vi.advanceTimersByTimeAsync(1);
      expect(texts(ann)).toEqual(["first", "alone"]);
    },
  );

  it("lets go of the answer of a member who leaves, and of all where it is closed", async () => {
    const [ann, ben] = [new FakeConnection(), new FakeConnection()];
    const outbox = outboxTo(5, ann, ben);
    outbox.push(entry("first"));
    await vi.advanceTimersByTimeAsync(0);
    for (const connection of [ann, ben]) outbox.answer(connection, answer("late"));
    outbox.remove(ann);
    expect(texts(ann)).toEqual(["first", "late"]);
    outbox.close();
    expect(texts(ben)).toEqual(["first", "late"]);
  });

  it("without a window writes every message and every answer by itself", () => {
    const ann = new FakeConnection();
    const outbox = outboxTo(0, ann);
    for (const text of ["one", "two", "three"]) outbox.push(entry(text));
    outbox.answer(ann, answer("stored"));
    expect(texts(ann)).toEqual(["one", "two", "three", "stored"]);
    expect(ann.writes).toHaveLength(4);
  });

  it("gives a new client nothing of what was due before, and the others all of it", async () => {
    const [ann, ben] = [new FakeConnection(), new FakeConnection()];
    const outbox = outboxTo(5, ann);
    outbox.push(entry("before"));
    outbox.add(ben);
    outbox.push(entry("after"));
    await vi.advanceTimersByTimeAsync(5);
    expect(texts(ann)).toEqual(["before", "after"]);
    expect(texts(ben)).toEqual(["after"]);
  });

  it("gives who left nothing more", async () => {
    const [ann, ben] = [new FakeConnection(), new FakeConnection()];
    const outbox = outboxTo(5, ann, ben);
    outbox.push(entry("one"));
    outbox.remove(ben);
    await vi.advanceTimersByTimeAsync(5);
    expect(ben.writes).toEqual([]);
    expect(texts(ann)).toEqual(["one"]);
  });

  it("closes a reader above 1 MiB, and the others get everything", () => {
    const [slow, full, ann] = [new FakeConnection(), new FakeConnection(), new FakeConnection()];
    const outbox = outboxTo(0, slow, full, ann);
    slow.waiting = 1024 * 1024 + 1;
    full.waiting = 1024 * 1024;
    outbox.push(entry("one"));
    outbox.push(entry("two"));
    expect(slow.closedWith?.code).toBe(4408);
    expect(slow.writes).toEqual([]);
    expect(texts(full)).toEqual(["one", "two"]);
    expect(texts(ann)).toEqual(["one", "two"]);
  });

  it("drops ephemeral events for a reader above 64 KiB, and no message", () => {
    const [busy, ann] = [new FakeConnection(), new FakeConnection()];
    const outbox = outboxTo(0, busy, ann);
    busy.waiting = 64 * 1024 + 1;
    outbox.ephemeral([{ payload: Buffer.from('{"type":"typing"}'), except: undefined }]);
    outbox.push(entry("one"));
    expect(busy.frames.map(({ type }) => type)).toEqual(["message"]);
    expect(ann.frames.map(({ type }) => type)).toEqual(["typing", "message"]);
  });

  it("leaves no timer behind when it is closed", () => {
    const ann = new FakeConnection();
    const outbox = outboxTo(5, ann);
    outbox.push(entry("one"));
    outbox.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(ann.writes).toEqual([]);
  });
});
