import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { startBrowser } from "../kit/browser.ts";
import { enterRoom, say, stopTime, stored } from "../kit/chat-page.ts";
import { type Server, startServer } from "../kit/server.ts";
import { waitFor } from "../kit/wait-for.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

/** A browser without windows gives every page the focus: this takes it away, or gives it back. */
async function setFocus(page: Page, hasFocus: boolean): Promise<void> {
  await page.evaluate((has) => {
    document.hasFocus = () => has;
    dispatchEvent(new Event(has ? "focus" : "blur"));
  }, hasFocus);
}

async function titleIs(page: Page, title: string): Promise<void> {
  await page.waitForFunction((expected) => document.title === expected, title, { polling: 50 });
}

/** Waits until what one tab has shown of a room is known to be read in another. */
async function knowsWhatIsRead(tab: Page, other: Page, room: string): Promise<void> {
  const key = `dynochat.read.${room}`;
  const id = await other.evaluate((name) => localStorage.getItem(name), key);
  await tab.waitForFunction(([name, wanted]) => localStorage.getItem(name) === wanted, [key, id] as const, {
    polling: 50,
  });
}

/** The list as one reads it, with the line where it stands. */
function read(page: Page): Promise<string[]> {
  return page.locator(".unread-line, .message .text").allTextContents();
}

/** Notes each notification's tag instead of showing it. */
async function recordNotifications(page: Page): Promise<() => Promise<string[]>> {
  const tags: string[] = [];
  await page.exposeFunction("noteNotification", (tag: string) => tags.push(tag));
  await page.addInitScript(`
    window.Notification = class extends EventTarget {
      static permission = "granted";
      constructor(title, { tag }) { super(); window.noteNotification(title + "|" + tag); }
    };
  `);
  return async () => tags;
}

describe("being named", () => {
  it("notifies once for all tabs, and not where one looks", async () => {
    const { page: first } = await enterRoom(browser, server.url, "Ada", "named");
    const { page: bob } = await enterRoom(browser, server.url, "Bob", "named");
    const second = await first.context().newPage();
    const notifications = [await recordNotifications(first), await recordNotifications(second)];
    await first.context().clock.install();
    await first.reload();
    await second.goto(`${server.url}/?room=named`);
    for (const tab of [first, second]) {
      await tab.locator(".person", { hasText: "Bob" }).waitFor();
      await setFocus(tab, false);
    }
    const noted = async () => (await Promise.all(notifications.map((each) => each()))).flat();
    await say(bob, "nobody in particular");
    await say(bob, "Ada, look");
    await waitFor(async () => (await noted()).length === 2, "both tabs notify");
    expect(new Set(await noted()).size).toBe(1);
    expect((await noted())[0]).toMatch(/^Bob in #named\|named \d+-\d+$/);
    // Each tab gives the others a moment to show it. One does, however slow it is: the moment is the page's.
    await stopTime(first);
    await say(bob, "and again, Ada");
    for (const tab of [first, second]) await stored(tab, "and again, Ada").waitFor();
    await first.clock.runFor(300);
    await setFocus(second, true);
    await knowsWhatIsRead(first, second, "named");
    await first.clock.runFor(1_000);
    await first.clock.resume();
    await titleIs(first, "named · dynochat");
    await setFocus(second, false);
    await say(bob, "a third time, Ada");
    await waitFor(async () => (await noted()).length > 2, "the third one notifies");
    await titleIs(first, "(1) named · dynochat");
    expect(new Set(await noted()).size).toBe(2);
  });
});

describe("unread messages", () => {
  it("stand below a line that waits until one has looked, and count in title and icon until then", async () => {
    const { page: ada } = await enterRoom(browser, server.url, "Ada", "line");
    const { page: bob } = await enterRoom(browser, server.url, "Bob", "line");
    await say(bob, "seen");
    await stored(ada, "seen").waitFor();
    await setFocus(ada, false);
    await say(bob, "one");
    await say(bob, "two");
    await titleIs(ada, "(2) line · dynochat");
    expect(await ada.locator("link[rel=icon]").getAttribute("href")).toContain("data:image/svg+xml");
    expect(await read(ada)).toEqual(["seen", "New messages", "one", "two"]);
    await setFocus(ada, true);
    await titleIs(ada, "line · dynochat");
    expect(await ada.locator("link[rel=icon]").getAttribute("href")).toMatch(/^\/build\/icon-/);
    expect(await read(ada)).toEqual(["seen", "New messages", "one", "two"]);
    await setFocus(ada, false);
    expect(await read(ada)).toEqual(["seen", "one", "two"]);
    await say(bob, "three");
    await stored(ada, "three").waitFor();
    expect(await read(ada)).toEqual(["seen", "one", "two", "New messages", "three"]);
    await setFocus(ada, true);
    await say(ada, "mine");
    await stored(ada, "mine").waitFor();
    expect(await read(ada)).toEqual(["seen", "one", "two", "three", "mine"]);
  });

  it("are remembered over a reload, and what is read stays read", async () => {
    const { page: ada } = await enterRoom(browser, server.url, "Ada", "again");
    const { page: bob } = await enterRoom(browser, server.url, "Bob", "again");
    await say(bob, "seen");
    await stored(ada, "seen").waitFor();
    await ada.goto("about:blank");
    await say(bob, "while away");
    await stored(bob, "while away").waitFor();
    await ada.goto(`${server.url}/?room=again`);
    await stored(ada, "while away").waitFor();
    expect(await read(ada)).toEqual(["seen", "New messages", "while away"]);
    await ada.reload();
    await stored(ada, "while away").waitFor();
    expect(await read(ada)).toEqual(["seen", "while away"]);
  });

  it("that one tab has shown are read in the other tabs", async () => {
    const { page: first } = await enterRoom(browser, server.url, "Ada", "tabs");
    const { page: bob } = await enterRoom(browser, server.url, "Bob", "tabs");
    const second = await first.context().newPage();
    await second.goto(`${server.url}/?room=tabs`);
    await second.locator(".person", { hasText: "Bob" }).waitFor();
    for (const tab of [first, second]) await setFocus(tab, false);
    await say(bob, "hello tabs");
    for (const tab of [first, second]) await titleIs(tab, "(1) tabs · dynochat");
    await setFocus(second, true);
    for (const tab of [first, second]) await titleIs(tab, "tabs · dynochat");
  });
});
