import type { Browser } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, say, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

describe("the chat page as an app", () => {
  it("has a manifest that the browser accepts, with icons of the sizes it names", async () => {
    const { page } = await newVisitor(browser);
    await page.goto(server.url);
    const session = await page.context().newCDPSession(page);
    const manifest = await session.send("Page.getAppManifest");
    expect(manifest.errors).toEqual([]);
    const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
    expect(installabilityErrors.map((error) => error.errorId)).not.toContain(
      "manifest-missing-suitable-icon",
    );
    for (const size of [192, 512]) {
      const real = await page.evaluate(async (name) => {
        const image = new Image();
        image.src = name;
        await image.decode();
        return [image.naturalWidth, image.naturalHeight];
      }, `/icon-${size}.png`);
      expect(real).toEqual([size, size]);
    }
  });
});

describe("the chat page as some need it", () => {
  it("keeps what colour alone would say where the system forces its own colours", async () => {
    const { page } = await enterRoom(browser, server.url, "Ada", "forced", { forcedColors: "active" });
    await say(page, "hello");
    await stored(page, "hello").waitFor();
    const borders = await page.evaluate(() =>
      [".send-button", ".room-link[aria-current]", ".avatar"].map((selector) => {
        const found = document.querySelector(selector);
        return found === null ? "none" : getComputedStyle(found).borderTopStyle;
      }),
    );
    expect(borders).toEqual(["solid", "solid", "solid"]);
  });

  it("can be used at 200 % zoom: nothing sticks out, and the user can write", async () => {
    // Zoom halves the window in CSS pixels and doubles each of them.
    const { page } = await enterRoom(browser, server.url, "Ada", "zoomed", {
      viewport: { width: 640, height: 400 },
      deviceScaleFactor: 2,
    });
    await say(
      page,
      "a rather long message that has to break its line somewhere, or it would stick out of the window",
    );
    await page.locator(".message:not(.is-waiting)").waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
    expect(await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBe(0);
    const list = await page.locator("#scroller").boundingBox();
    expect(list?.height).toBeGreaterThan(120);
  });
});
