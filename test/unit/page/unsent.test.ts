import { describe, expect, it } from "vitest";
import type { Outgoing } from "../../../src/client/room/outgoing.ts";
import { Unsent } from "../../../src/page/writing/unsent.ts";
import { settle } from "../../kit/fakes/fake-client.ts";
import { FakeBrowser } from "../../kit/fakes/fake-tabs.ts";
import { deferred, waitFor } from "../../kit/vitest/wait-for.ts";

function outgoing(text: string, at: number, state: Outgoing["state"] = "queued"): Outgoing {
  return { key: text, text, at, state, error: undefined, attempt: undefined };
}

/** A tab that has begun; `former` is its name before a reload. */
async function openTab(browser: FakeBrowser, name: string, former?: string, reloaded?: Promise<void>) {
  const { locks, end } = browser.tab();
  const restored: string[] = [];
  const unsent = new Unsent({
    store: browser.store,
    journal: browser.journal,
    locks,
    pause: async () => reloaded,
    formerOwner: former,
    newOwner: () => name,
    restored: (room, items) => {
      for (const item of items) restored.push(`${room}: ${item.text}`);
    },
  });
  await unsent.begin();
  return { unsent, restored, end };
}

describe("unsent messages", () => {
  it("come back after a reload, oldest first, under the same name", async () => {
    const browser = new FakeBrowser();
    const before = await openTab(browser, "a");
    before.unsent.keep("lobby", [outgoing("one", 1), outgoing("two", 2)]);
    await waitFor(() => browser.kept.length === 1, "they are kept");
    before.end();
    const after = await openTab(browser, "b", "a");
    expect(after.unsent.owner).toBe("a");
    expect(after.restored).toEqual(["lobby: one", "lobby: two"]);
    expect(browser.kept).toEqual(["a lobby: one, two"]);
  });

  it("are not kept once they are sent", async () => {
    const browser = new FakeBrowser();
    const { unsent } = await openTab(browser, "a");
    unsent.keep("lobby", [outgoing("one", 1)]);
    await waitFor(() => browser.kept.length === 1, "it is kept");
    unsent.keep("lobby", [outgoing("one", 1, "sent")]);
    await waitFor(() => browser.kept.length === 0, "it is forgotten");
  });

  it("of a tab that lives are left to it, also where another tab is its copy", async () => {
    const browser = new FakeBrowser();
    const first = await openTab(browser, "a");
    first.unsent.keep("lobby", [outgoing("mine", 1)]);
    await waitFor(() => browser.kept.length === 1, "it is kept");
    const copy = await openTab(browser, "b", "a");
    expect(copy.unsent.owner).toBe("b");
    expect(copy.restored).toEqual([]);
  });

  it("of a tab that was closed are taken over by one other tab, however many open at once", async () => {
    const browser = new FakeBrowser();
    const closed = await openTab(browser, "a");
    closed.unsent.keep("lobby", [outgoing("orphan", 1)]);
    closed.unsent.keep("garden", [outgoing("another", 2)]);
    await waitFor(() => browser.kept.length === 2, "they are kept");
    closed.end();
    const tabs = await Promise.all([openTab(browser, "b"), openTab(browser, "c"), openTab(browser, "d")]);
    expect(tabs.flatMap((tab) => tab.restored)).toEqual(["lobby: orphan", "garden: another"]);
    expect(browser.kept.every((row) => !row.startsWith("a "))).toBe(true);
  });

  it("that came before the tab had its name are kept as soon as it has", async () => {
    const browser = new FakeBrowser();
    const { locks } = browser.tab();
    const unsent = new Unsent({
      store: browser.store,
      journal: browser.journal,
      pause: async () => undefined,
      locks,
      formerOwner: undefined,
      newOwner: () => "a",
      restored: () => undefined,
    });
    unsent.keep("lobby", [outgoing("early", 1)]);
    await unsent.begin();
    expect(browser.kept).toEqual(["a lobby: early"]);
  });

  it("of a tab that was closed before the store had them are not lost", async () => {
    const browser = new FakeBrowser();
    const closed = await openTab(browser, "a");
    browser.setStuck(true);
    closed.unsent.keep("lobby", [outgoing("in the last moment", 1)]);
    await waitFor(() => browser.stuck === 1, "it is about to be stored");
    closed.end();
    browser.setStuck(false);
    const next = await openTab(browser, "b");
    expect(next.restored).toEqual(["lobby: in the last moment"]);
    expect(browser.kept).toEqual(["b lobby: in the last moment"]);
    expect(browser.journalled).toEqual([]);
  });

  it("that were sent in the last moment of a tab are not sent again", async () => {
    const browser = new FakeBrowser();
    const closed = await openTab(browser, "a");
    closed.unsent.keep("lobby", [outgoing("one", 1)]);
    await waitFor(() => browser.kept.length === 1, "it is kept");
    browser.setStuck(true);
    closed.unsent.keep("lobby", []);
    await waitFor(() => browser.stuck === 1, "it is about to be forgotten");
    closed.end();
    browser.setStuck(false);
    const next = await openTab(browser, "b");
    expect(next.restored).toEqual([]);
    expect(browser.kept).toEqual([]);
  });

  it("of a tab that ends are taken over by one that is open already, which keeps its own", async () => {
    const browser = new FakeBrowser();
    const closed = await openTab(browser, "a");
    const open = [await openTab(browser, "b"), await openTab(browser, "c")];
    open[0]!.unsent.keep("lobby", [outgoing("own", 2)]);
    closed.unsent.keep("lobby", [outgoing("orphan", 1)]);
    await waitFor(() => browser.kept.length === 2, "they are kept");
    for (const tab of open) tab.unsent.noticed("a");
    closed.end();
    await waitFor(() => open.flatMap((tab) => tab.restored).length > 0, "one takes over");
    await waitFor(() => !browser.kept.some((row) => row.startsWith("a ")), "it is not the closed one's");
    expect(open.flatMap((tab) => tab.restored)).toEqual(["lobby: orphan"]);
  });

  it("of a tab that is only being reloaded stay with it", async () => {
    const browser = new FakeBrowser();
    const before = await openTab(browser, "a");
    before.unsent.keep("lobby", [outgoing("mine", 1)]);
    await waitFor(() => browser.kept.length === 1, "it is kept");
    const { promise, resolve } = deferred<void>();
    const other = await openTab(browser, "b", undefined, promise);
    before.end();
    await settle();
    const after = await openTab(browser, "x", "a");
    resolve();
    expect(after.restored).toEqual(["lobby: mine"]);
    after.unsent.keep("garden", [outgoing("more", 2)]);
    await waitFor(() => browser.kept.length === 2, "it goes on keeping");
    expect(other.restored).toEqual([]);
  });

  it("keep a page from resting, which lets go of its name otherwise and takes it again when it wakes", async () => {
    const browser = new FakeBrowser();
    const { locks } = browser.tab();
    const { unsent } = await openTab(browser, "a");
    const isHeld = () => locks.isHeld("dynochat.unsent.a");
    unsent.keep("lobby", [outgoing("one", 1)]);
    unsent.rest();
    expect(await isHeld()).toBe(true);
    unsent.keep("lobby", []);
    unsent.rest();
    expect(await isHeld()).toBe(false);
    await unsent.wake();
    expect(await isHeld()).toBe(true);
    expect(unsent.owner).toBe("a");
  });
});
