import { beforeEach, describe, expect, it, vi } from "vitest";
import { LIMITS } from "../../../../src/protocol/limits.ts";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";
import { FakeStore } from "../../../kit/fakes/fake-store.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

/** A stream whose appends take that long and then fail. */
class SilentLog extends FakeStore {
  override async append(append: Parameters<FakeStore["append"]>[0]): ReturnType<FakeStore["append"]> {
    this.appends.push(append);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return { outcome: "unavailable" };
  }
}

describe("requests that were sent before the store was found silent", () => {
  it("are all refused within 2 s, however many wait after the first", async () => {
    const { chat, log: store } = openChat({}, new SilentLog());
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
    expect(store.appends).toHaveLength(refs.length);
  });

  it("are no reason to refuse what is sent afterwards", async () => {
    const { chat, log: store } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    store.answers.push({ outcome: "unavailable" });
    expect(await client.ask({ type: "message", room: "lobby", key: "k", text: "hi" })).toMatchObject({
      code: "unavailable",
    });
    await vi.advanceTimersByTimeAsync(1);
    expect(await client.ask({ type: "message", room: "lobby", key: "k", text: "hi" })).toMatchObject({
      type: "ack",
    });
  });

  it("carry the time that they have waited, which comes off the time in which they may be stored", async () => {
    const { chat, log: store } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    const resume = store.pause();
    client.request({ type: "history", room: "lobby", before: "1-1" });
    client.request({ type: "message", room: "lobby", key: "k", text: "hi" });
    await vi.advanceTimersByTimeAsync(700);
    resume();
    await settle();
    expect(store.appends[0]?.waitedMs).toBe(700);
  });
});
