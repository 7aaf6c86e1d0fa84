import { beforeEach, describe, expect, it, vi } from "vitest";
import { ANYBODY, openChat } from "../../kit/fakes/fake-client.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  afterwards(() => vi.useRealTimers());
});

describe("the list of rooms", () => {
  it("is read again after 500 ms, and once for all that ask before", async () => {
    const { chat, log: store } = openChat();
    const names = async () =>
      (await chat.queries.recentRooms(async () => ANYBODY)).map(({ room }) => room).sort();
    const reads = () => store.calls.filter((call) => call === "recent rooms").length;
    store.fill("lobby", 1);
    expect(await Promise.all([names(), names()])).toEqual([["lobby"], ["lobby"]]);
    store.fill("attic", 1);
    vi.advanceTimersByTime(499);
    expect(await names()).toEqual(["lobby"]);
    expect(reads()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await names()).toEqual(["attic", "lobby"]);
    expect(reads()).toBe(2);
  });

  it("is read again at once where it could not be read", async () => {
    const { chat, log: store } = openChat();
    store.fill("lobby", 1);
    store.failing = true;
    await expect(chat.queries.recentRooms(async () => ANYBODY)).rejects.toThrow();
    store.failing = false;
    expect(await chat.queries.recentRooms(async () => ANYBODY)).toHaveLength(1);
  });
});
