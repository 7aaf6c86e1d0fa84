import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, giveName, say, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const KEY = "k".repeat(32);

let browser: Browser;
let server: Server;

beforeAll(async () => {
  const env = { API_KEYS: KEY, MESSAGES_PER_SECOND: "0" };
  [server, browser] = await Promise.all([startServer({ env }), startBrowser()]);
});

/** Stores messages of a program in a room. */
async function fill(room: string, count: number, text = "message"): Promise<void> {
  for (let n = 1; n <= count; n += 1) {
    const response = await fetch(`${server.url}/api/rooms/${room}/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ text: `${text} ${n}` }),
    });
    expect(response.status, await response.text()).toBe(201);
  }
}

function roomLink(page: Page, room: string) {
  return page.locator(`.room-link[data-room="${room}"]`);
}

function head(page: Page): Promise<string | null> {
  return page.locator("#list-head").textContent();
}

describe("changing between two short rooms", () => {
  it("names the room that is shown above its list", async () => {
    const { page } = await enterRoom(browser, server.url, "Ada", "short-one");
    await say(page, "first");
    await stored(page, "first").waitFor();
    await page.getByLabel("Open or create a room").fill("short-two");
    await page.keyboard.press("Enter");
    // What is typed before is a draft of the room that was shown.
    await page.locator("#room-title", { hasText: "short-two" }).waitFor();
    await say(page, "second");
    await stored(page, "second").waitFor();
    for (const [room, text] of [
      ["short-one", "first"],
      ["short-two", "second"],
      ["short-one", "first"],
    ] as const) {
      await roomLink(page, room).click();
      await stored(page, text).waitFor();
      expect(await head(page)).toBe(`This is where #${room} begins.`);
    }
  });

  it("asks for no older messages of the room that is left", async () => {
    await fill("left", 120);
    const { page } = await enterRoom(browser, server.url, "Ada", "entered");
    const asked: string[] = [];
    page.on("websocket", (socket) =>
      socket.on("framesent", ({ payload }) => {
        const frame: { type: string; room?: string } = JSON.parse(String(payload));
        if (frame.type === "history") asked.push(frame.room ?? "");
      }),
    );
    await page.goto(`${server.url}/?room=left`);
    await stored(page, "message 120").waitFor();
    const before = asked.length;
    await roomLink(page, "entered").click();
    await page.locator("#list-head", { hasText: "Nothing has been said" }).waitFor();
    await say(page, "here");
    await stored(page, "here").waitFor();
    expect(asked.slice(before)).toEqual([]);
  });

  it("ignores a page of older messages that arrives after the change", async () => {
    await fill("late", 120);
    const { page } = await enterRoom(browser, server.url, "Ada", "early");
    const held: (() => void)[] = [];
    await page.routeWebSocket(/\/ws$/, (socket) => {
      const upstream = socket.connectToServer();
      upstream.onMessage((data) => {
        const pass = () => {
          socket.send(data);
          socket.send(JSON.stringify({ type: "notice", text: "The page has arrived." }));
        };
        if (String(data).includes('"type":"history"')) held.push(pass);
        else socket.send(data);
      });
    });
    await page.goto(`${server.url}/?room=late`);
    await stored(page, "message 120").waitFor();
    await page.locator("#scroller").focus();
    await page.keyboard.press("Home");
    await waitFor(() => held.length > 0, "an older page is asked for");
    await roomLink(page, "early").click();
    await page.locator("#list-head", { hasText: "#early" }).waitFor();
    for (const pass of held) pass();
    await page.locator(".notice", { hasText: "The page has arrived." }).waitFor();
    expect(await head(page)).toContain("#early");
    expect(await page.locator(".message").count()).toBe(0);
  });

  it("shows the own name without the suffix of the room before", async () => {
    await enterRoom(browser, server.url, "Ada", "two-adas");
    const { page } = await newVisitor(browser);
    await page.goto(`${server.url}/?room=two-adas`);
    await giveName(page, "Ada");
    const ownName = page.locator("#own-name");
    await page.locator("#own-name", { hasText: /^Ada.+/ }).waitFor();
    await page.context().setOffline(true);
    await page.evaluate(() => history.pushState(null, "", "/?room=one-ada"));
    await page.evaluate(() => dispatchEvent(new PopStateEvent("popstate")));
    await page.locator("#room-title", { hasText: "one-ada" }).waitFor();
    expect(await ownName.textContent()).toBe("Ada");
  });
});
