import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function inRoom() {
  const { chat, log: store, logger } = openChat();
  store.store("lobby", { text: "old" });
  const client = await FakeClient.in(chat, "lobby");
  const shown = () => client.connection.framesOf("message").map(({ text }) => text);
  store.calls.length = 0;
  return { chat, log: store, logger, client, shown };
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

describe("a publication that is not known to be stored", () => {
  it("is broadcast once, from the store, if it is stored", async () => {
    const { log: store, shown } = await inRoom();
    const { id } = store.store("lobby", { text: "new", published: false });
    store.publishUnverified("lobby", id);
    store.publishUnverified("lobby", id);
    await pass(1_000);
    expect(shown()).toEqual(["new"]);
    expect(store.reads).toHaveLength(1);
  });

  it("costs nothing if its id is not above what the room has", async () => {
    const { log: store } = await inRoom();
    store.publishUnverified("lobby", store.head("lobby"));
    store.publishUnverified("lobby", "1-1");
    await pass(1_000);
    expect(store.reads).toEqual([]);
  });

  it("costs at most ten reads per second, however many come, and shows nothing", async () => {
    const { log: store, logger, shown } = await inRoom();
    for (let ms = 0; ms < 1_000; ms += 10) {
      for (let n = 0; n < 20; n += 1) store.publishUnverified("lobby", `9000000000000-${ms + n}`);
      await pass(10);
    }
    expect(store.reads.length).toBeGreaterThan(3);
    expect(store.reads.length).toBeLessThanOrEqual(11);
    expect(shown()).toEqual([]);
    expect(logger.lines.filter(({ level }) => level !== "debug")).toHaveLength(1);
  });

  it("is read after a read that was under way when it came", async () => {
    const { log: store, shown } = await inRoom();
    const resume = store.pause();
    store.publishUnverified("lobby", "9000000000000-1");
    await pass(10);
    const { id } = store.store("lobby", { text: "stored meanwhile", published: false });
    store.publishUnverified("lobby", id);
    resume();
    await pass(1_000);
    expect(shown()).toEqual(["stored meanwhile"]);
  });

  it("does not keep a room that was closed", async () => {
    const { log: store, client } = await inRoom();
    store.publishUnverified("lobby", "9000000000000-1");
    client.send({ type: "leave", ref: 99, room: "lobby" });
    await pass(60_000);
    expect(store.calls.filter((call) => call.startsWith("unsubscribe"))).toHaveLength(1);
  });
});
