import { beforeEach, describe, expect, it, vi } from "vitest";
import { LIMITS } from "../../src/protocol.ts";
import { FakeClient, openChat, settle } from "../kit/fake-client.ts";
import { FakeLog } from "../kit/fake-log.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

/** A log whose appends take that long and then fail. */
class SilentLog extends FakeLog {
  override async append(append: Parameters<FakeLog["append"]>[0]): ReturnType<FakeLog["append"]> {
    this.appends.push(append);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return { outcome: "unavailable" };
  }
}

describe("requests that were sent before the log was found silent", () => {
  it("are all refused within 2 s, however many wait behind the first", async () => {
    const { chat, log } = openChat({}, new SilentLog());
    const client = await FakeClient.in(chat, "lobby");
    const refs = Array.from({ length: 10 }, (_, n) =>
      client.request({ type: "message", room: "lobby", key: `k${n}`, text: "hi" }),
    );
    const history = client.request({ type: "history", room: "lobby" });
    await vi.advanceTimersByTimeAsync(LIMITS.unavailableMs - 1);
    await settle();
    for (const ref of refs)
      expect(client.answer(ref)).toMatchObject({ code: "unavailable", retryable: true });
    expect(client.answer(history)).toMatchObject({ code: "unavailable" });
    expect(log.appends).toHaveLength(refs.length);
  });

  it("are no reason to refuse what is sent afterwards", async () => {
    const { chat, log } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    log.answers.push({ outcome: "unavailable" });
    expect(await client.ask({ type: "message", room: "lobby", key: "k", text: "hi" })).toMatchObject({
      code: "unavailable",
    });
    await vi.advanceTimersByTimeAsync(1);
    expect(await client.ask({ type: "message", room: "lobby", key: "k", text: "hi" })).toMatchObject({
      type: "ack",
    });
  });

  it("carry the time that they have waited, which comes off the time in which they may be stored", async () => {
    const { chat, log } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    const resume = log.pause();
    client.request({ type: "history", room: "lobby", before: "1-1" });
    client.request({ type: "message", room: "lobby", key: "k", text: "hi" });
    await vi.advanceTimersByTimeAsync(700);
    resume();
    await settle();
    expect(log.appends[0]?.waitedMs).toBe(700);
  });
});

describe("a connection that asks faster than anyone would", () => {
  it("is told when to come again, and its messages are not counted", async () => {
    const { chat } = openChat({ maxRoomsPerConnection: 1 });
    const client = await FakeClient.in(chat, "lobby");
    const refs = Array.from({ length: LIMITS.requestBurst + 1 }, () =>
      client.request({ type: "history", room: "lobby", limit: 1 }),
    );
    await settle(LIMITS.requestBurst * 4);
    const codes = refs.map((ref) => client.answer(ref)?.["code"] ?? client.answer(ref)?.["type"]);
    expect(codes.at(-1)).toBe("rate-limited");
    expect(codes[0]).toBe("history");
    expect(await client.ask({ type: "message", room: "lobby", key: "k", text: "hi" })).toMatchObject({
      type: "ack",
    });
    await vi.advanceTimersByTimeAsync(1_000 / LIMITS.requestsPerSecond);
    expect(await client.ask({ type: "history", room: "lobby", limit: 1 })).toMatchObject({ type: "history" });
  });

  it("has its typing dropped without a word", async () => {
    const { chat } = openChat({ maxRoomsPerConnection: 1 });
    const typist = await FakeClient.in(chat, "lobby");
    const other = await FakeClient.in(chat, "lobby");
    for (let n = 0; n < LIMITS.requestBurst * 2; n++)
      typist.send({ type: "typing", room: "lobby", on: true });
    await settle();
    const shown = other.connection.framesOf("typing").length;
    expect(shown).toBeGreaterThan(0);
    expect(shown).toBeLessThanOrEqual(LIMITS.requestBurst);
    expect(typist.connection.framesOf("error")).toEqual([]);
  });
});
