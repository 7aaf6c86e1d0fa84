import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, say, stopTime, stored } from "../kit/browser/chat-page.ts";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  const env = { MESSAGES_PER_SECOND: "0", HISTORY_MESSAGES: "600" };
  [server, browser] = await Promise.all([startServer({ env }), startBrowser()]);
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

/** The list as the user reads it, with the line where it stands. */
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
  it("notifies once for all tabs, and not where the user looks", async () => {
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

/** Ada has seen one message of Bob, and opens the room again after a program has written `count` more. */
async function comeBack(room: string, count: number): Promise<{ ada: Page; bob: Page }> {
  const { page: ada } = await enterRoom(browser, server.url, "Ada", room);
  const { page: bob } = await enterRoom(browser, server.url, "Bob", room);
  await say(bob, "seen");
  await stored(ada, "seen").waitFor();
  await ada.goto("about:blank");
  await fill(room, count);
  await ada.goto(`${server.url}/?room=${room}`);
  await stored(ada, `away ${count}`).waitFor();
  return { ada, bob };
}

async function fill(room: string, count: number): Promise<void> {
  const speaker = await connectPlain(server.wsUrl, { query: { room } });
  for (let n = 1; n <= count; n += 1) speaker.send({ handle: "Eve", text: `away ${n}` });
  await speaker.waitFor((frame) => frame["text"] === `away ${count}`);
}

function parts(page: Page) {
  return {
    line: page.locator(".unread-line"),
    pill: page.locator("#unread-pill"),
    scroller: page.locator("#scroller"),
  };
}

describe("unread messages", () => {
  it("stand below a line that stays, and count in title and icon until they are looked at", async () => {
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
    expect(await read(ada)).toEqual(["seen", "New messages", "one", "two"]);
    await say(bob, "three");
    await stored(ada, "three").waitFor();
    expect(await read(ada)).toEqual(["seen", "one", "two", "New messages", "three"]);
    await setFocus(ada, true);
    await say(ada, "mine");
    await stored(ada, "mine").waitFor();
    expect(await read(ada)).toEqual(["seen", "one", "two", "New messages", "three", "mine"]);
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

  it("that are more than a window holds keep their line while the user scrolls to it and back", async () => {
    const { ada } = await comeBack("scrolled", 40);
    const { line, pill, scroller } = parts(ada);
    await pill.waitFor();
    expect(await pill.textContent()).toMatch(/^40 new messages since \d/);
    await scroller.hover();
    for (let turn = 0; turn < 40 && (await pill.isVisible()); turn += 1) await ada.mouse.wheel(0, -200);
    await pill.waitFor({ state: "hidden" });
    await scroller.focus();
    await ada.keyboard.press("End");
    await ada.locator("#newest").waitFor({ state: "hidden" });
    expect(await line.count()).toBe(1);
    expect((await read(ada)).slice(0, 3)).toEqual(["seen", "New messages", "away 1"]);
  });

  it("that are more than a page are loaded by the pill, and the line stands above the first", async () => {
    const { ada } = await comeBack("many", 330);
    const { line, pill } = parts(ada);
    await pill.waitFor();
    expect(await pill.textContent()).toMatch(/^50\+ new messages since /);
    expect(await line.count()).toBe(0);
    await pill.click();
    await line.waitFor();
    expect(
      await line.evaluate((element) => element.nextElementSibling?.querySelector(".text")?.textContent),
    ).toBe("away 1");
    const isInView = await line.evaluate((element) => {
      const { top, bottom } = document.querySelector("#scroller")!.getBoundingClientRect();
      const box = element.getBoundingClientRect();
      return box.top >= top && box.bottom <= bottom;
    });
    expect(isInView).toBe(true);
    await pill.waitFor({ state: "hidden" });
    expect(await ada.evaluate(() => document.activeElement?.id)).toBe("scroller");
  });

  it("that the server keeps no longer are said to be gone, at the oldest message", async () => {
    const { ada } = await comeBack("trimmed", 900);
    const { line, pill } = parts(ada);
    await pill.click();
    await line.waitFor();
    expect(await line.textContent()).toBe("New messages. Earlier ones can no longer be shown.");
    expect(await ada.locator(".message").first().locator(".unread-line").count()).toBe(1);
    expect(await ada.locator("#list-head").textContent()).toBe("Older messages are no longer kept.");
  });

  it("stay unread in a room that is left while the user reads older messages", async () => {
    const { ada, bob } = await comeBack("scrolled-up", 60);
    const { pill } = parts(ada);
    await pill.click();
    await pill.waitFor({ state: "hidden" });
    await say(bob, "below");
    await ada.locator("#newest", { hasText: "1 new message" }).waitFor();
    await ada.getByLabel("Open or create a room").fill("elsewhere");
    await ada.keyboard.press("Enter");
    await ada.locator("#list-head", { hasText: "#elsewhere" }).waitFor();
    await ada.locator('.room-link[data-room="scrolled-up"] .unread', { hasText: /^1$/ }).waitFor();
  });
});
