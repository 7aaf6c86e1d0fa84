import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function inRoom() {
  const { chat, log, logger } = openChat();
  log.store("lobby", { text: "old" });
  const client = await FakeClient.in(chat, "lobby");
  const shown = () => client.connection.framesOf("message").map(({ text }) => text);
  log.calls.length = 0;
  return { chat, log, logger, client, shown };
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

describe("a publication that is not known to be stored", () => {
  it("is shown once, from the log, where it is stored", async () => {
    const { log, shown } = await inRoom();
    const { id } = log.store("lobby", { text: "new", published: false });
    log.publishUnverified("lobby", id);
    log.publishUnverified("lobby", id);
    await pass(1_000);
    expect(shown()).toEqual(["new"]);
    expect(log.reads).toHaveLength(1);
  });

  it("costs nothing where its id is not above what the room has", async () => {
    const { log } = await inRoom();
    log.publishUnverified("lobby", log.head("lobby"));
    log.publishUnverified("lobby", "1-1");
    await pass(1_000);
    expect(log.reads).toEqual([]);
  });

  it("costs at most ten reads a second, however many come, and shows nothing", async () => {
    const { log, logger, shown } = await inRoom();
    for (let ms = 0; ms < 1_000; ms += 10) {
      for (let n = 0; n < 20; n += 1) log.publishUnverified("lobby", `9000000000000-${ms + n}`);
      await pass(10);
    }
    expect(log.reads.length).toBeGreaterThan(3);
    expect(log.reads.length).toBeLessThanOrEqual(11);
    expect(shown()).toEqual([]);
    expect(logger.lines.filter(({ level }) => level !== "debug")).toHaveLength(1);
  });

  it("is read after a read that was under way when it came", async () => {
    const { log, shown } = await inRoom();
    const resume = log.pause();
    log.publishUnverified("lobby", "9000000000000-1");
    await pass(10);
    const { id } = log.store("lobby", { text: "stored meanwhile", published: false });
    log.publishUnverified("lobby", id);
    resume();
    await pass(1_000);
    expect(shown()).toEqual(["stored meanwhile"]);
  });

  it("does not keep a room that was given up", async () => {
    const { log, client } = await inRoom();
    log.publishUnverified("lobby", "9000000000000-1");
    client.send({ type: "leave", ref: 99, room: "lobby" });
    await pass(60_000);
    expect(log.calls.filter((call) => call.startsWith("unsubscribe"))).toHaveLength(1);
  });
});
