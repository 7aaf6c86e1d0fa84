import type { Browser, Page, WebSocket } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newVisitor, selfSigned, startBrowser } from "../kit/browser/browser.ts";
import { giveName, stored as messages, rememberName, say, stopTime } from "../kit/browser/chat-page.ts";
import { findBrowser } from "../kit/browser/chromium.ts";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { type Doorway, openDoorway } from "../kit/servers/doorway.ts";
import { startRedis, type TestRedis } from "../kit/servers/redis.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { atBeginning, goHome } from "./glides.ts";

/** Tests write faster than people. */
const QUICK_WRITERS = { MESSAGES_PER_SECOND: "0" };

let browser: Browser;
let redis: TestRedis;
let server: Server;
let rooms = 0;

beforeAll(async () => {
  redis = await startRedis();
  [server, browser] = await Promise.all([
    startServer({ env: { ...QUICK_WRITERS, REDIS_URL: redis.url } }),
    startBrowser(),
  ]);
  await server.ready();
});

afterAll(() => redis.stop());

function newRoom(): string {
  rooms += 1;
  return `room-${rooms}`;
}

/** Opens the page as somebody who gave a name before, and waits until the room is there. `prepare` comes before all that. */
async function enter(
  name: string,
  room: string,
  url = server.url,
  prepare: (page: Page) => Promise<void> = async () => undefined,
) {
  const visitor = await newVisitor(browser);
  await prepare(visitor.page);
  await rememberName(visitor.page, name);
  await visitor.page.goto(`${url}/?room=${room}`);
  await visitor.page.locator(".person", { hasText: name }).waitFor();
  return visitor;
}

/** How many CSS pixels of the list are below the window. */
function below(page: Page): Promise<number> {
  return page
    .locator("#scroller")
    .evaluate((scroller) => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight);
}

async function atNewest(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const scroller = document.querySelector("#scroller");
    return scroller !== null && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2;
  });
}

describe("the chat page", () => {
  it("is GET /, and two browsers chat there, without an error or anything the policy refuses", async () => {
    const ada = await newVisitor(browser);
    await ada.page.goto(server.url);
    await giveName(ada.page, "Ada");
    const bob = await newVisitor(browser);
    await bob.page.goto(server.url);
    await giveName(bob.page, "Bob");
    await ada.page.getByText("Bob").first().waitFor();
    await say(ada.page, "Hello Bob");
    await messages(bob.page, "Hello Bob").waitFor();
    await say(bob.page, "Hello Ada\nHow are you?");
    await messages(ada.page, "Hello Ada How are you?").waitFor();
    expect(await ada.page.locator(".author").allTextContents()).toEqual(["Ada", "Bob"]);
    expect(await ada.page.title()).toBe("lobby · dynochat");
    expect([...ada.errors, ...bob.errors]).toEqual([]);
  });

  it("goes on where the server's secret is a new one", async () => {
    const door = await openDoorway();
    const first = await startServer();
    door.leadTo(first.port);
    const { page } = await enter("Ada", newRoom(), door.url);
    first.kill();
    await first.exit;
    const second = await startServer();
    door.leadTo(second.port);
    await say(page, "still here");
    await messages(page, "still here").waitFor();
  });

  it("shows markup as text", async () => {
    const { page, errors } = await enter("<i>Eve</i>", newRoom());
    const text = `<img src=x onerror="document.title='broken'"><b>bold</b> &amp;`;
    await say(page, text);
    await messages(page, text).waitFor();
    expect(await page.locator(".author").textContent()).toBe("<i>Eve</i>");
    expect(await page.locator(".messages b, .messages img, .messages i").count()).toBe(0);
    expect(await page.title()).not.toBe("broken");
    expect(errors).toEqual([]);
  });

  it("makes links that tell the other side nothing", async () => {
    const { page } = await enter("Ada", newRoom());
    await say(page, "see https://example.org/a?b=c, javascript:alert(1)");
    const link = page.locator(".text a");
    await link.waitFor();
    expect(await link.getAttribute("href")).toBe("https://example.org/a?b=c");
    expect(await link.getAttribute("rel")).toBe("noopener noreferrer nofollow");
    expect(await link.count()).toBe(1);
  });

  it("clears the text after sending and keeps the name, also over a reload", async () => {
    const { page } = await enter("Ada", newRoom());
    await say(page, "one");
    await messages(page, "one").waitFor();
    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("");
    expect(await page.locator("#own-name").textContent()).toBe("Ada");
    await page.reload();
    await messages(page, "one").waitFor();
    expect(await page.locator("#own-name").textContent()).toBe("Ada");
    expect(await page.locator(".message.is-own").count()).toBe(1);
  });

  it("breaks the line with Shift+Enter and sends it as it was written", async () => {
    const { page } = await enter("Ada", newRoom());
    await page.getByLabel("Message", { exact: true }).pressSequentially("first");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second");
    await page.keyboard.press("Enter");
    await page.locator(".message:not(.is-waiting) .text").waitFor();
    expect(await page.locator(".text").textContent()).toBe("first\nsecond");
  });

  it("sends pasted code with the indentation of its first line", async () => {
    const { page } = await enter("Ada", newRoom());
    const code = "    if x:\n        y";
    await say(page, `\n${code}\n`);
    await page.locator(".sent-mark").waitFor();
    expect(await page.locator(".text").textContent()).toBe(code);
  });

  it("leaves Enter to an input method while it composes", async () => {
    const { page } = await enter("Ada", newRoom());
    const field = page.getByLabel("Message", { exact: true });
    await field.fill("にほ");
    const isTaken = await field.evaluate((element) => {
      const init = { key: "Enter", bubbles: true, cancelable: true, isComposing: true };
      return !element.dispatchEvent(new KeyboardEvent("keydown", init));
    });
    expect(isTaken).toBe(false);
    expect(await field.inputValue()).toBe("にほ");
    await field.press("Enter");
    await messages(page, "にほ").waitFor();
  });

  it("scrolls to the newest, but not while the user reads older ones", async () => {
    const room = newRoom();
    const { page: ada } = await enter("Ada", room);
    const { page: bob } = await enter("Bob", room);
    for (let n = 1; n <= 40; n += 1) await say(bob, `number ${n}`);
    await messages(ada, "number 40").waitFor();
    await atNewest(ada);
    await ada.locator("#scroller").hover();
    await ada.mouse.wheel(0, -100_000);
    const newest = ada.locator("#newest");
    await newest.waitFor();
    // The browser glides there; a jump on the way would be overtaken.
    await atBeginning(ada);
    const before = await below(ada);
    await say(bob, "while you read");
    await ada.getByRole("button", { name: "1 new message", exact: true }).waitFor();
    expect(await below(ada)).toBeGreaterThan(before);
    await newest.click();
    await atNewest(ada);
    await newest.waitFor({ state: "hidden" });
  });

  it("loads older messages as the user scrolls up, and keeps the place", async () => {
    const room = newRoom();
    const { page: bob } = await enter("Bob", room);
    for (let n = 1; n <= 90; n += 1) await say(bob, `number ${n}`);
    await messages(bob, "number 90").waitFor();
    const { page: ada } = await enter("Ada", room);
    await messages(ada, "number 90").waitFor();
    expect(await messages(ada, "number 1").count()).toBe(0);
    await goHome(ada);
    await messages(ada, "number 1").waitFor();
    expect(await ada.locator(".text").allTextContents()).toEqual(
      Array.from({ length: 90 }, (_, index) => `number ${index + 1}`),
    );
    // What was the oldest stays in the window.
    const place = await messages(ada, "number 41").boundingBox();
    expect(place?.y).toBeGreaterThan(0);
    expect(place?.y).toBeLessThan(800);
  });

  it("opens and creates rooms, counts what is unread in the others, and goes back", async () => {
    const [first, second] = [newRoom(), newRoom()];
    const { page: ada } = await enter("Ada", first);
    const { page: bob } = await enter("Bob", first);
    await ada.getByLabel("Open or create a room").fill(second);
    await ada.keyboard.press("Enter");
    await ada.getByText(`Nothing has been said in #${second} yet.`).waitFor();
    expect(new URL(ada.url()).search).toBe(`?room=${second}`);
    await say(bob, "where are you?");
    await ada.getByRole("link", { name: `${first} 1 unread` }).waitFor();
    await ada.goBack();
    await messages(ada, "where are you?").waitFor();
    expect(await ada.locator(".unread").count()).toBe(0);
  });

  it("says who is here, who types and who left", async () => {
    const room = newRoom();
    const { page: ada } = await enter("Ada", room);
    const { page: bob } = await enter("Bob", room);
    await ada.locator(".person", { hasText: "Bob" }).waitFor();
    // Waited for from before, because it lapses.
    const hint = ada.getByText("Bob is typing").waitFor();
    await bob.getByLabel("Message", { exact: true }).pressSequentially("hm");
    await hint;
    await bob.close();
    await ada.locator(".person", { hasText: "Bob" }).waitFor({ state: "detached" });
  });

  it("tells screen readers about live messages of others, and not about one's own or the history", async () => {
    const room = newRoom();
    // Without Redis: a page whose time stands still would never recover when a busy machine stalls Redis.
    const { url, wsUrl } = await startServer({ env: QUICK_WRITERS });
    const { page: bob } = await enter("Bob", room, url);
    await say(bob, "before");
    const { page: ada } = await enter("Ada", room, url, (page) => page.clock.install());
    await messages(ada, "before").waitFor();
    // What comes within a second is said together.
    await stopTime(ada);
    await say(ada, "mine");
    await messages(ada, "mine").waitFor();
    await say(bob, "live");
    await messages(ada, "live").waitFor();
    const log = ada.locator("#announcer");
    await ada.clock.runFor(1_000);
    expect(await log.textContent()).toBe("Bob: live");
    const crowd = await connectPlain(wsUrl, { query: { room } });
    for (const [first, last] of [
      [1, 6],
      [7, 12],
    ] as const) {
      for (let n = first; n <= last; n += 1) {
        crowd.send({ handle: "Crowd", text: `number ${n}` });
        await messages(ada, `number ${n}`).waitFor();
      }
      await ada.clock.runFor(500);
    }
    expect(await log.textContent()).toBe("12 new messages");
  });
});

describe("the chat page when the server goes away", () => {
  async function doorway(certificate?: ReturnType<typeof selfSigned>): Promise<Doorway> {
    const door = await openDoorway(certificate);
    door.leadTo(server.port);
    return door;
  }

  it("picks ws: or wss: by its own address", async () => {
    const opened: string[] = [];
    for (const door of [await doorway(), await doorway(selfSigned())]) {
      const { page } = await newVisitor(browser, { ignoreHTTPSErrors: true });
      const socket = page.waitForEvent("websocket");
      await page.goto(`${door.url}/?room=${newRoom()}`);
      opened.push((await socket).url().replace(/\d+/, "port"));
      await giveName(page, "Ada");
      await say(page, "it works");
      await messages(page, "it works").waitFor();
    }
    expect(opened).toEqual(["ws://localhost:port/ws", "wss://localhost:port/ws"]);
  });

  it("reconnects by itself after the server was killed and started again", async () => {
    const door = await openDoorway();
    const doomed = await startServer({ env: { REDIS_URL: redis.url } });
    door.leadTo(doomed.port);
    const room = newRoom();
    const { page: ada } = await enter("Ada", room, door.url);
    const { page: bob } = await enter("Bob", room);
    await say(ada, "before");
    await messages(bob, "before").waitFor();
    doomed.kill();
    door.shut();
    await ada.getByText("Connection lost.").waitFor();
    await ada.getByText("Last seen here").waitFor();
    await say(bob, "while you were away");
    const next = await startServer({ env: { REDIS_URL: redis.url } });
    await next.ready();
    door.leadTo(next.port);
    await messages(ada, "while you were away").waitFor();
    await ada.locator("#connection-line").waitFor({ state: "hidden" });
    await ada.getByText("Here now").waitFor();
    await say(ada, "back");
    await messages(bob, "back").waitFor();
    expect(await ada.locator(".text").allTextContents()).toEqual(["before", "while you were away", "back"]);
  });

  it("sends what was written meanwhile, later and once", async () => {
    const door = await doorway();
    const room = newRoom();
    const { page: ada } = await enter("Ada", room, door.url);
    const { page: bob } = await enter("Bob", room);
    door.shut();
    await say(ada, "one, while away");
    await say(ada, "two, while away");
    await ada.locator(".is-waiting").nth(1).waitFor();
    await ada.locator("#connection-line").waitFor();
    expect(await bob.locator(".message").count()).toBe(0);
    door.leadTo(server.port);
    await messages(bob, "two, while away").waitFor();
    await ada.locator(".is-waiting").first().waitFor({ state: "detached" });
    const expected = ["one, while away", "two, while away"];
    expect(await ada.locator(".text").allTextContents()).toEqual(expected);
    expect(await bob.locator(".text").allTextContents()).toEqual(expected);
  });

  it("says so while Redis is away, and sends once what was written meanwhile", async () => {
    const own = await startRedis();
    afterwards(() => own.stop());
    const alone = await startServer({ env: { REDIS_URL: own.url } });
    await alone.ready();
    const { page, errors } = await enter("Ada", newRoom(), alone.url);
    await say(page, "before");
    await messages(page, "before").waitFor();
    own.freeze();
    await say(page, "while Redis is away");
    await page.getByText("The server cannot reach its storage.").waitFor();
    own.thaw();
    await messages(page, "while Redis is away").waitFor();
    await page.locator("#connection-line").waitFor({ state: "hidden" });
    expect(await page.locator(".text").allTextContents()).toEqual(["before", "while Redis is away"]);
    expect(errors).toEqual([]);
  });

  it("tells a room whose messages the server has lost from a new one", async () => {
    const door = await openDoorway();
    const first = await startServer();
    door.leadTo(first.port);
    const room = newRoom();
    const { page } = await enter("Ada", room, door.url);
    await say(page, "soon forgotten");
    await messages(page, "soon forgotten").waitFor();
    await page.getByText(`This is where #${room} begins.`).waitFor();
    first.kill();
    await first.exit;
    const second = await startServer();
    door.leadTo(second.port);
    await page.getByText(`The server has lost the earlier messages in #${room}.`).waitFor();
    expect(await page.locator(".message").count()).toBe(0);
    await say(page, "anew");
    await messages(page, "anew").waitFor();
  });

  it("is not disturbed by a restart that was announced", async () => {
    const env = { REDIS_URL: redis.url };
    const door = await openDoorway();
    const [old, next] = await Promise.all([startServer({ env }), startServer({ env })]);
    await Promise.all([old.ready(), next.ready()]);
    door.leadTo(old.port);
    const room = newRoom();
    const sockets: WebSocket[] = [];
    const { page: ada } = await enter("Ada", room, door.url, async (page) => {
      page.on("websocket", (socket) => sockets.push(socket));
      await page.clock.install();
    });
    const { page: bob } = await enter("Bob", room);
    await ada.evaluate(() => {
      const line = document.querySelector<HTMLElement>("#connection-line");
      if (line === null) throw new Error("The page has no connection line");
      new MutationObserver(() => {
        if (line.classList.contains("is-shown")) document.body.classList.add("was-disturbed");
      }).observe(line, { attributes: true });
    });
    await stopTime(ada);
    const closed = sockets[0]!.waitForEvent("close");
    door.leadTo(next.port);
    old.kill("SIGTERM");
    await say(bob, "during the restart");
    await Promise.all([old.exit, closed]);
    // The line shows after two seconds of the page's time. It must be back before, however slow the machine
    // is.
    for (let ms = 0; ms < 1_900 && sockets.length === 1; ms += 100) await ada.clock.runFor(100);
    await say(ada, "on the next process");
    await messages(bob, "on the next process").waitFor();
    await messages(ada, "on the next process").waitFor();
    expect(await ada.locator(".text").allTextContents()).toEqual([
      "during the restart",
      "on the next process",
    ]);
    expect(await ada.locator(".was-disturbed").count()).toBe(0);
  });

  it("is tried at once with Try now", async () => {
    const door = await doorway();
    const { page } = await enter("Ada", newRoom(), door.url, (visitor) => visitor.clock.install());
    door.shut();
    const tryNow = page.getByRole("button", { name: "Try now" });
    await tryNow.waitFor();
    // The page's time stands still: without a click it would wait for its next try for ever.
    await page.clock.pauseAt(await page.evaluate(() => Date.now() + 60_000));
    await page.getByText("Next attempt in").waitFor();
    door.leadTo(server.port);
    await tryNow.click();
    await page.locator("#connection-line").waitFor({ state: "hidden" });
  });
});

describe("the search for a browser", () => {
  it("says how to install one where there is none", () => {
    expect(() => findBrowser("/nowhere:/neither")).toThrow("sudo apt-get install -y chromium");
  });
});
