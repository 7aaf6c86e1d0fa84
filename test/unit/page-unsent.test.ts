import { describe, expect, it } from "vitest";
import type { Outgoing } from "../../src/client/outgoing.ts";
import { Unsent } from "../../src/page/unsent.ts";
import { FakeBrowser } from "../kit/fake-tabs.ts";
import { waitFor } from "../kit/wait-for.ts";

function outgoing(text: string, at: number, state: Outgoing["state"] = "queued"): Outgoing {
  return { key: text, text, at, state, error: undefined, attempt: undefined };
}

/** A tab that has begun; `former` is its name before a reload. */
async function openTab(browser: FakeBrowser, name: string, former?: string) {
  const { locks, end } = browser.tab();
  const restored: string[] = [];
  const unsent = new Unsent({
    store: browser.store,
    locks,
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
      locks,
      formerOwner: undefined,
      newOwner: () => "a",
      restored: () => undefined,
    });
    unsent.keep("lobby", [outgoing("early", 1)]);
    await unsent.begin();
    expect(browser.kept).toEqual(["a lobby: early"]);
  });
});
