import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, say, socketSwitch, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser({ keepsPages: true })]);
});

/** Notes on the page's root whether it was kept, and whether it is the one that was left. */
async function watchReturn(page: Page): Promise<void> {
  await page.evaluate(() => {
    addEventListener("pageshow", ({ persisted }) => {
      document.documentElement.dataset["persisted"] = String(persisted);
    });
  });
}

describe("a page that the user leaves and comes back to", () => {
  it("is kept by the browser, catches up, and goes on", async () => {
    const { page: ada, errors } = await enterRoom(browser, server.url, "Ada", "back");
    const { page: bob } = await enterRoom(browser, server.url, "Bob", "back");
    await say(bob, "before");
    await stored(ada, "before").waitFor();
    await watchReturn(ada);
    await ada.goto("about:blank");
    await bob.locator(".person", { hasText: "Ada" }).waitFor({ state: "detached" });
    await say(bob, "meanwhile");
    await stored(bob, "meanwhile").waitFor();
    // The driver's own way back waits for a load that a kept page does not have.
    await ada.evaluate(() => history.back()).catch(() => undefined);
    await stored(ada, "meanwhile").waitFor();
    expect(await ada.locator("html").getAttribute("data-persisted")).toBe("true");
    await say(ada, "back again");
    await stored(bob, "back again").waitFor();
    expect(await ada.locator(".text").allTextContents()).toEqual(["before", "meanwhile", "back again"]);
    expect(errors).toEqual([]);
  });

  it("with something unsent sends it after one came back, once", async () => {
    const { page: ada } = await enterRoom(browser, server.url, "Ada", "unsent");
    const { page: bob } = await enterRoom(browser, server.url, "Bob", "unsent");
    const sockets = await socketSwitch(ada);
    await ada.reload();
    await ada.locator(".person", { hasText: "Ada" }).waitFor();
    await sockets.off();
    await say(ada, "left behind");
    await ada.locator(".is-waiting").waitFor();
    await ada.goto("about:blank");
    sockets.on();
    await ada.evaluate(() => history.back()).catch(() => undefined);
    await stored(ada, "left behind").waitFor();
    await stored(bob, "left behind").waitFor();
    await ada.reload();
    await stored(ada, "left behind").waitFor();
    expect(await ada.locator(".message").count()).toBe(1);
    expect(await bob.locator(".message").count()).toBe(1);
  });
});
