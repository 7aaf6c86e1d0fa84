import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, say, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  const env = { MAX_ROOMS_PER_CONNECTION: "4", MESSAGES_PER_SECOND: "0" };
  [server, browser] = await Promise.all([startServer({ env }), startBrowser()]);
});

function unreadIn(page: Page, room: string) {
  return page.locator(`.room-link[data-room="${room}"] .unread`);
}

/** Visits those rooms one after the other, so that this browser knows them and all of them are read. */
async function visit(page: Page, rooms: readonly string[]): Promise<void> {
  for (const room of rooms) {
    await page.goto(`${server.url}/?room=${room}`);
    await page.locator("#list-head", { hasText: `#${room} ` }).waitFor();
  }
}

/** The rooms for which the page asked, and the codes of the errors it was told. */
function recordFrames(page: Page) {
  const joined: string[] = [];
  const errors: string[] = [];
  page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => {
      const frame: { type: string; room?: string } = JSON.parse(String(payload));
      if (frame.type === "join") joined.push(frame.room ?? "");
    });
    socket.on("framereceived", ({ payload }) => {
      const frame: { type: string; code?: string } = JSON.parse(String(payload));
      if (frame.type === "error") errors.push(frame.code ?? "");
    });
  });
  return { joined, errors };
}

async function speakIn(room: string, text: string): Promise<Page> {
  const { page } = await enterRoom(browser, server.url, "Bob", room);
  await say(page, text);
  await stored(page, text).waitFor();
  return page;
}

describe("the rooms that a browser knows", () => {
  it("count what came while the page was closed, and what comes now, before they are opened", async () => {
    const options = { viewport: { width: 360, height: 700 } };
    const { page, errors } = await enterRoom(browser, server.url, "Ada", "known-a", options);
    await visit(page, ["known-a", "known-b"]);
    const noted: string[] = [];
    await page.exposeFunction("noteNotification", (notice: string) => noted.push(notice));
    await page.addInitScript(`
      window.Notification = class extends EventTarget {
        static permission = "granted";
        constructor(title, { body } = {}) { super(); window.noteNotification(title + ": " + body); }
      };
    `);
    await page.goto("about:blank");
    const bob = await speakIn("known-a", "while away");
    await page.goto(`${server.url}/?room=known-b`);
    await page.locator("#rooms-button .unread", { hasText: /^1$/ }).waitFor();
    await page.waitForFunction(() => document.title === "(1) known-b · dynochat");
    expect(noted).toEqual([]);
    await say(bob, "for nobody in particular");
    await stored(bob, "for nobody in particular").waitFor();
    await say(bob, "Ada, look");
    await page.locator("#rooms-button .unread", { hasText: /^3$/ }).waitFor();
    await waitFor(() => noted.length === 1, "a notification");
    expect(noted).toEqual(["Bob in #known-a: Ada, look"]);
    await page.getByRole("button", { name: "Rooms 3 unread" }).click();
    expect(await unreadIn(page, "known-a").textContent()).toBe("3");
    await page.locator('.room-link[data-room="known-a"]').click();
    await stored(page, "Ada, look").waitFor();
    await page.locator("#rooms-button .unread").waitFor({ state: "detached" });
    expect(errors).toEqual([]);
  });

  it("are joined as far as the server allows, the last visited first, and the others open all the same", async () => {
    const rooms = [1, 2, 3, 4, 5, 6].map((n) => `limit-${n}`);
    const { page } = await enterRoom(browser, server.url, "Ada", "limit-1");
    const frames = recordFrames(page);
    await visit(page, rooms);
    await speakIn("limit-4", "counted");
    await page.goto("about:blank");
    frames.joined.length = 0;
    await page.goto(`${server.url}/?room=limit-6`);
    await unreadIn(page, "limit-4").waitFor();
    expect(frames.joined).toEqual(["limit-6", "limit-5", "limit-4"]);
    for (const room of rooms) {
      await page.locator(`.room-link[data-room="${room}"]`).click();
      await page.locator("#room-title", { hasText: room }).waitFor();
      await say(page, `here in ${room}`);
      await stored(page, `here in ${room}`).waitFor();
    }
    expect(frames.errors).toEqual([]);
  });

  it("count although the server refuses one of them", async () => {
    const { page, errors } = await enterRoom(browser, server.url, "Ada", "open-a");
    await visit(page, ["open-a", "shut", "open-b"]);
    await speakIn("open-a", "counted");
    await page.routeWebSocket(/\/ws$/, (socket) => {
      const upstream = socket.connectToServer();
      socket.onMessage((data) => {
        const { type, room, ref }: { type: string; room?: string; ref: number } = JSON.parse(String(data));
        if (type !== "join" || room !== "shut") return upstream.send(data);
        const error = { type: "error", ref, code: "forbidden", message: "Members only.", retryable: false };
        socket.send(JSON.stringify(error));
      });
    });
    await page.goto(`${server.url}/?room=open-b`);
    await unreadIn(page, "open-a").waitFor();
    await say(page, "still here");
    await stored(page, "still here").waitFor();
    await page.locator('.room-link[data-room="shut"]').click();
    await page.locator("#list-head", { hasText: "Members only." }).waitFor();
    await page.locator('.room-link[data-room="open-a"]').click();
    await stored(page, "counted").waitFor();
    expect(errors).toEqual([]);
  });

  it("are those of all tabs: a room that another tab opens counts here too", async () => {
    const { page: first } = await enterRoom(browser, server.url, "Ada", "tab-a");
    const second = await first.context().newPage();
    await second.goto(`${server.url}/?room=tab-b`);
    await second.locator("#list-head", { hasText: "#tab-b " }).waitFor();
    await second.close();
    await speakIn("tab-b", "counted");
    await unreadIn(first, "tab-b").waitFor();
  });
});
