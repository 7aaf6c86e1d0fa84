import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, giveName, say, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

/** Waits until a room is shown and the address names it. */
async function showsRoom(page: Page, room: string): Promise<void> {
  await page.locator("#list-head", { hasText: `#${room} ` }).waitFor();
  expect(new URL(page.url()).search).toBe(`?room=${room}`);
}

describe("an address", () => {
  it.each([
    ["K%C3%BCche", "Küche", "kuche"],
    ["garden%20club", "garden club", "garden-club"],
    ["%23random", "#random", "random"],
  ])("with ?room=%s says that this is no room name, and offers one", async (query, written, nearest) => {
    const { page, errors } = await newVisitor(browser);
    await page.goto(`${server.url}/?room=${query}`);
    await showsRoom(page, "lobby");
    await page.locator(".notice", { hasText: `“${written}” is not a room name.` }).waitFor();
    await page.getByRole("button", { name: `Open #${nearest}` }).click();
    await showsRoom(page, nearest);
    expect(await page.locator(".notice", { hasText: "is not a room name" }).count()).toBe(0);
    await page.goBack();
    await showsRoom(page, "lobby");
    expect(errors).toEqual([]);
  });

  it("without a room opens the default room at first, then the last one, and names it", async () => {
    const { page } = await newVisitor(browser);
    await page.goto(server.url);
    await showsRoom(page, "lobby");
    await page.goto(`${server.url}/?room=garden`);
    await showsRoom(page, "garden");
    await page.goto(server.url);
    await showsRoom(page, "garden");
  });

  it("in another case opens the room that exists, and an old room in upper case stays reachable", async () => {
    const { page: bob } = await enterRoom(browser, server.url, "Bob", "reading-club");
    await say(bob, "lower");
    await stored(bob, "lower").waitFor();
    const { page } = await newVisitor(browser);
    await page.goto(`${server.url}/?room=Reading-CLUB`);
    await showsRoom(page, "reading-club");
    await giveName(page, "Ada");
    await say(page, "hello");
    await stored(bob, "hello").waitFor();
    await page.getByLabel("Open or create a room").fill("READING-club");
    await page.keyboard.press("Enter");
    await page.getByLabel("Open or create a room").fill("New-Room");
    await page.keyboard.press("Enter");
    await showsRoom(page, "new-room");
    const posted = await page.evaluate(async () => {
      const init = {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"text":"old"}',
      };
      return (await fetch("/api/rooms/Old-Room/messages", init)).status;
    });
    expect(posted).toBe(201);
    await page.goto(`${server.url}/?room=Old-Room`);
    await showsRoom(page, "Old-Room");
  });

  it("leaves the focus with a user who writes the name of another room while one is looked for", async () => {
    const { page } = await enterRoom(browser, server.url, "Ada", "garden");
    const field = page.getByLabel("Open or create a room");
    let answer: () => void = () => undefined;
    const mayAnswer = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route("**/api/rooms", (route) => mayAnswer.then(() => route.continue()));
    await field.fill("kitchen");
    const asked = page.waitForRequest("**/api/rooms");
    await page.keyboard.press("Enter");
    await asked;
    await field.pressSequentially("att");
    answer();
    await showsRoom(page, "kitchen");
    await page.keyboard.type("ic");
    await page.keyboard.press("Enter");
    await showsRoom(page, "attic");
    await page.waitForFunction(() => document.activeElement?.id === "text");
  });
});

describe("without JavaScript", () => {
  it.each([360, 1_280])("the page says that it needs it, at %i px", async (width) => {
    const viewport = { width, height: 640 };
    const { page } = await newVisitor(browser, { javaScriptEnabled: false, viewport });
    await page.goto(server.url);
    const sentence = page.locator("noscript");
    await sentence.waitFor();
    expect(await sentence.innerHTML()).toContain("This chat needs JavaScript.");
    const box = await sentence.boundingBox();
    expect(box!.y + box!.height).toBeLessThan(viewport.height);
    expect(await page.locator("button:visible, input:visible").count()).toBe(0);
  });
});
