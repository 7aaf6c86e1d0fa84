import type { Browser } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { giveName, say, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

const OFFLINE = "You are offline.";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

/** Enters a room with a page whose clock stands still when this is done. */
async function enterWithStoppedClock(room: string) {
  const { page } = await newVisitor(browser);
  await page.clock.install();
  await page.goto(`${server.url}/?room=${room}`);
  await giveName(page, "Ada");
  await page.locator(".person", { hasText: "Ada" }).waitFor();
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 60_000));
  return page;
}

describe("the chat page in a browser that is offline", () => {
  it("says so at once, and connects at once when the network is back", async () => {
    const page = await enterWithStoppedClock("cable");
    // No timer runs from here on: what is said and done follows from the browser's events alone.
    await page.context().setOffline(true);
    await page.getByText(OFFLINE).waitFor();
    await page.clock.runFor(3_000);
    await page.getByRole("button", { name: "Try now" }).waitFor();
    await say(page, "written offline");
    await page.context().setOffline(false);
    await page.locator("#connection-line").waitFor({ state: "hidden" });
    await stored(page, "written offline").waitFor();
  });

  it("believes an answer of the server more than the browser", async () => {
    const page = await enterWithStoppedClock("localhost");
    await page.evaluate(() => {
      Object.defineProperty(navigator, "onLine", { get: () => false });
      const text = document.querySelector("#connection-text");
      const said: string[] = [];
      new MutationObserver(() => said.push(text?.textContent ?? "")).observe(document.body, {
        subtree: true,
        childList: true,
      });
      Object.assign(window, { said });
      dispatchEvent(new Event("offline"));
    });
    // A function, because the page's policy forbids it to evaluate a text again.
    await page.waitForFunction(() => Reflect.get(window, "said").at(-1) === "");
    expect(await page.evaluate("said[0]")).toContain(OFFLINE);
    await say(page, "still connected");
    await stored(page, "still connected").waitFor();
  });

  it("says so at once where it was loaded without a network", async () => {
    const { page } = await newVisitor(browser);
    await page.addInitScript(() => Object.defineProperty(navigator, "onLine", { get: () => false }));
    await page.routeWebSocket(/\/ws$/, () => undefined);
    await page.clock.install();
    await page.clock.pauseAt(Date.now() + 60_000);
    await page.goto(`${server.url}/?room=plane`);
    await page.getByText(OFFLINE).waitFor();
  });
});
