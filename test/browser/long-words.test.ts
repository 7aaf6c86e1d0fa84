import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, say, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

/** The longest names: of a room 64 letters, of a person 32, and without a place to break. */
const ROOM = "W".repeat(62).toLowerCase();
const NAME = "W".repeat(31);

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

/** Elements whose box ends outside the window or outside a panel they stand in, each with its class and text. */
function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const names = ".topbar, .rooms, .room, .people, .scroller, .writing, body";
    const sticksOut = (element: Element, panel: Element): boolean => {
      if (!element.checkVisibility() || element.closest(".visually-hidden, .skip-link") !== null)
        return false;
      const parent = element.parentElement ?? panel;
      // What is cut with an ellipsis is not seen beyond that.
      if (parent !== panel && getComputedStyle(parent).overflowX !== "visible") return false;
      const [inner, outer] = [element.getBoundingClientRect(), panel.getBoundingClientRect()];
      return inner.left < outer.left - 1 || inner.right > outer.right + 1;
    };
    return [...document.querySelectorAll(names)].flatMap((panel) => [
      ...[...panel.querySelectorAll("*")]
        .filter((element) => sticksOut(element, panel))
        .map((element) => `${element.className}: ${element.textContent}`),
      ...(panel.scrollWidth > panel.clientWidth + 1 ? [`${panel.className} scrolls sideways`] : []),
    ]);
  });
}

/** What is cut off within its own element, where nothing may be: badges, words around names, buttons. */
function cut(page: Page, selector: string): Promise<string[]> {
  return page.evaluate((wanted) => {
    const isCut = (element: Element) => {
      for (let at = element.parentElement; at !== null; at = at.parentElement) {
        if (getComputedStyle(at).overflowX === "visible") continue;
        const [inner, outer] = [element.getBoundingClientRect(), at.getBoundingClientRect()];
        if (inner.left < outer.left - 1 || inner.right > outer.right + 1) return true;
      }
      return element.scrollWidth > element.clientWidth + 1;
    };
    return [...document.querySelectorAll(wanted)]
      .filter((element) => element.checkVisibility() && isCut(element))
      .map((element) => element.textContent ?? "");
  }, selector);
}

describe("the longest names", () => {
  it("stay within the page at 320 and at 1280 px, and hide no badge", async () => {
    const other = `${ROOM}.2`;
    const { page } = await enterRoom(browser, server.url, `${NAME}a`, ROOM);
    const speakers: Page[] = [];
    for (const letter of ["b", "c", "d"]) {
      speakers.push((await enterRoom(browser, server.url, NAME + letter, ROOM)).page);
    }
    const [bob] = speakers;
    for (const width of [320, 1_280]) {
      await page.setViewportSize({ width, height: 700 });
      await page.goto(`${server.url}/?room=${ROOM}`);
      await page.locator(".person").nth(3).waitFor({ state: "attached" });
      await say(bob!, `${width}${"W".repeat(300)}`);
      await stored(page, `${width}${"W".repeat(300)}`).waitFor();
      for (const speaker of speakers) {
        const field = speaker.getByLabel("Message", { exact: true });
        await field.fill("");
        await field.pressSequentially("x");
      }
      await page.locator("#typing-line", { hasText: "are typing" }).waitFor();
      expect(await overflowing(page), `the room, ${width}`).toEqual([]);
      expect(await cut(page, "#typing-line :not(.name), .time, .composer-foot button")).toEqual([]);
      const hintLines = page.locator(".composer-hint:visible").evaluateAll((hints) =>
        hints.map((hint) => {
          const range = document.createRange();
          range.selectNodeContents(hint);
          return range.getClientRects().length;
        }),
      );
      expect(await hintLines, `the hint, ${width}`).toEqual(width === 320 ? [] : [1]);
      if (width === 320) await page.getByRole("button", { name: /here/ }).click();
      expect(await overflowing(page), `the people, ${width}`).toEqual([]);
      expect(await cut(page, ".person-you, .people-count")).toEqual([]);
      await page.keyboard.press("Escape");
      await page.evaluate((link) => history.pushState(null, "", link), `/?room=${other}`);
      await page.evaluate(() => dispatchEvent(new PopStateEvent("popstate")));
      await page.locator("#list-head", { hasText: `${other} yet` }).waitFor();
      await say(bob!, "unread");
      await page.locator(".unread").first().waitFor({ state: "attached" });
      if (width === 320) await page.getByRole("button", { name: "Rooms" }).click();
      expect(await overflowing(page), `the rooms, ${width}`).toEqual([]);
      expect(await cut(page, ".unread")).toEqual([]);
    }
  });
});
