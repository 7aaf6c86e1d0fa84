import { beforeEach, describe, expect, it, vi } from "vitest";
import { openChat } from "../../kit/fakes/fake-client.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  afterwards(() => vi.useRealTimers());
});

describe("the list of rooms", () => {
  it("is read again after 500 ms, and once for all that ask before", async () => {
    const { chat, log } = openChat();
    const names = async () => (await chat.reading.recentRooms()).map(({ room }) => room).sort();
    const reads = () => log.calls.filter((call) => call === "recent rooms").length;
    log.fill("lobby", 1);
    expect(await Promise.all([names(), names()])).toEqual([["lobby"], ["lobby"]]);
    log.fill("attic", 1);
    vi.advanceTimersByTime(499);
    expect(await names()).toEqual(["lobby"]);
    expect(reads()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await names()).toEqual(["attic", "lobby"]);
    expect(reads()).toBe(2);
  });

  it("is read again at once where it could not be read", async () => {
    const { chat, log } = openChat();
    log.fill("lobby", 1);
    log.failing = true;
    await expect(chat.reading.recentRooms()).rejects.toThrow();
    log.failing = false;
    expect(await chat.reading.recentRooms()).toHaveLength(1);
  });
});
