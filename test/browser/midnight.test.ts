import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { giveName, say, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

const DAY_MS = 24 * 3_600_000;

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

/** Says one thing in a room whose page's clock then stands still, a moment before the midnight that follows. */
async function beforeMidnight(room: string): Promise<Page> {
  const { page } = await newVisitor(browser, { locale: "en-GB" });
  await page.clock.install();
  await page.goto(`${server.url}/?room=${room}`);
  await giveName(page, "Ada");
  await say(page, "said today");
  await stored(page, "said today").waitFor();
  const midnight = await page.evaluate(() => {
    const said = document.querySelector<HTMLTimeElement>(".message time")?.dateTime ?? "";
    return new Date(said).setHours(24, 0, 0, 0);
  });
  await page.clock.pauseAt(midnight - 10_000);
  return page;
}

const days = (page: Page) => page.locator(".day").allTextContents();

describe("the line that names a day", () => {
  it("says Yesterday from midnight on, in a row that stays as it was", async () => {
    const page = await beforeMidnight("midnight");
    await page.locator(".message").evaluate((row) => row.classList.add("the-same-row"));
    await page.clock.runFor(9_000);
    expect(await days(page)).toEqual(["Today"]);
    await page.clock.runFor(1_500);
    expect(await days(page)).toEqual(["Yesterday"]);
    expect(await page.locator(".the-same-row .day").count()).toBe(1);
  });

  it("is right again within a minute after the machine slept, though its timers stood still", async () => {
    const page = await beforeMidnight("slept");
    // Then the next midnight is far away.
    await page.clock.runFor(20_000);
    const now = await page.evaluate(() => Date.now());
    // Only the time of day moves on; what is left of a timer is what it was.
    await page.clock.setSystemTime(now + 2 * DAY_MS);
    expect(await days(page)).toEqual(["Yesterday"]);
    await page.clock.runFor(60_000);
    expect(await days(page)).not.toEqual(["Yesterday"]);
  });

  it("is right at once where the window was hidden over midnight", async () => {
    const page = await beforeMidnight("hidden");
    const setVisible = (state: string) =>
      page.evaluate((value) => {
        Object.defineProperty(document, "visibilityState", { configurable: true, get: () => value });
        document.dispatchEvent(new Event("visibilitychange"));
      }, state);
    await setVisible("hidden");
    await page.clock.runFor(120_000);
    expect(await days(page)).toEqual(["Today"]);
    await setVisible("visible");
    expect(await days(page)).toEqual(["Yesterday"]);
  });

  it("and the time beside each message follow into another time zone", async () => {
    const { page } = await newVisitor(browser, { locale: "en-GB" });
    const debuggers = await page.context().newCDPSession(page);
    const travel = (timezoneId: string) => debuggers.send("Emulation.setTimezoneOverride", { timezoneId });
    await travel("Pacific/Honolulu");
    await page.goto(`${server.url}/?room=travel`);
    await giveName(page, "Ada");
    await say(page, "before the flight");
    await stored(page, "before the flight").waitFor();
    const time = page.locator(".message time");
    const at = Date.parse((await time.getAttribute("datetime")) ?? "");
    const clock = (timeZone: string) =>
      new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone }).format(at);
    expect(await time.textContent()).toBe(clock("Pacific/Honolulu"));
    await travel("Asia/Tokyo");
    await page.evaluate(() => dispatchEvent(new Event("focus")));
    expect(await time.textContent()).toBe(clock("Asia/Tokyo"));
  });
});
