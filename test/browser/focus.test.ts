import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { giveName, say, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

const PHONE: BrowserContextOptions = {
  viewport: { width: 360, height: 640 },
  hasTouch: true,
  isMobile: true,
};

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

async function enter(room: string, options: BrowserContextOptions = {}): Promise<Page> {
  const { page } = await newVisitor(browser, options);
  await page.goto(`${server.url}/?room=${room}`);
  await giveName(page, "Ada");
  await page.locator(".person", { hasText: "Ada" }).waitFor({ state: "attached" });
  return page;
}

const message = (page: Page) => page.getByLabel("Message", { exact: true });
const focused = (page: Page) => page.evaluate(() => document.activeElement?.id);

async function openRoom(page: Page, room: string): Promise<void> {
  await page.getByLabel("Open or create a room").fill(room);
  await page.keyboard.press("Enter");
  await page.getByText(`Nothing has been said in #${room} yet.`).waitFor();
}

describe("the focus, where a pointer hovers", () => {
  it("is in the name at the first visit, and in the composer afterwards, at load and after a change of room", async () => {
    const { page } = await newVisitor(browser);
    await page.goto(`${server.url}/?room=focus-a`);
    await page.getByText("Nothing has been said").waitFor();
    expect(await focused(page)).toBe("name");
    await page.keyboard.type("Ada");
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("text");
    await page.reload();
    await page.getByText("Nothing has been said").waitFor();
    expect(await focused(page)).toBe("text");
    await openRoom(page, "focus-b");
    expect(await focused(page)).toBe("text");
    await page.getByRole("link", { name: "focus-a" }).click();
    await page.getByText("Nothing has been said in #focus-a yet.").waitFor();
    expect(await focused(page)).toBe("text");
    await page.getByLabel("Open or create a room").focus();
    await page.goBack();
    await page.getByText("Nothing has been said in #focus-b yet.").waitFor();
    expect(await focused(page)).toBe("text");
    // Who hears the page hears the room with the field.
    const described = await message(page).evaluate((field) => field.getAttribute("aria-describedby"));
    expect(described?.split(" ")).toContain("room-title");
  });

  it("goes to the composer with what is typed elsewhere", async () => {
    const page = await enter("typed");
    for (const place of [
      () => page.evaluate(() => (document.activeElement as HTMLElement).blur()),
      () => page.locator("#scroller").focus(),
      () => page.getByRole("button", { name: "Change name" }).focus(),
      () => page.getByRole("link", { name: "typed" }).focus(),
    ]) {
      await message(page).fill("");
      await place();
      await page.keyboard.type("a1?");
      expect(await message(page).inputValue()).toBe("a1?");
      // The driver has no key for it, and inserts such a text where the caret was last, without a key.
      await place();
      await page.evaluate(() => {
        const init = { key: "é", bubbles: true, cancelable: true };
        document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", init));
      });
      expect(await focused(page)).toBe("text");
    }
  });

  it("stays where a key has a meaning of its own, or is a shortcut", async () => {
    const page = await enter("own-keys");
    await say(page, "hello");
    await stored(page, "hello").waitFor();
    const stays = async (keys: readonly string[], place: string) => {
      for (const key of keys) {
        await page.locator(place).focus();
        await page.keyboard.press(key);
        expect(await focused(page), `${key} in ${place}`).toBe(place.slice(1));
      }
      expect(await message(page).inputValue()).toBe("");
    };
    await stays(
      ["Space", "Escape", "Control+c", "Alt+a", "Meta+k", "ArrowDown", "PageUp", "F6", "/", "'"],
      "#scroller",
    );
    await stays(["x"], "#room-name");
    await page.evaluate(() => {
      const select = document.createElement("select");
      select.id = "choice";
      select.append(new Option("apple"), new Option("pear"));
      const dialog = document.createElement("dialog");
      dialog.append(Object.assign(document.createElement("button"), { id: "in-dialog" }));
      document.body.append(select, dialog);
    });
    await stays(["p"], "#choice");
    expect(await page.locator("#choice").inputValue()).toBe("pear");
    // Nothing outside a modal dialog can have the focus; outside another one it could.
    await page.evaluate(() => document.querySelector("dialog")?.show());
    await stays(["p"], "#in-dialog");
    await page.evaluate(() => document.querySelector("dialog")?.close());
    // Blank and Enter press the button.
    for (const key of ["Space", "Enter"]) {
      await page.getByRole("button", { name: "Change name" }).focus();
      await page.keyboard.press(key);
      expect(await focused(page)).toBe("name");
      await page.keyboard.press("Escape");
    }
  });

  it("leaves a key to an input method that composes, and types nothing of it", async () => {
    const page = await enter("composes");
    await page.locator("#scroller").focus();
    await page.evaluate(() => {
      const init = { key: "n", bubbles: true, cancelable: true, isComposing: true };
      document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", init));
    });
    expect(await focused(page)).toBe("scroller");
  });

  it("stays in a panel that lies over the room", async () => {
    const page = await enter("panel", { viewport: { width: 500, height: 700 } });
    await page.getByRole("button", { name: "Rooms" }).click();
    const link = page.getByRole("link", { name: "panel" });
    await link.focus();
    await page.keyboard.press("a");
    expect(await link.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await message(page).inputValue()).toBe("");
  });
});

describe("the focus, where one touches", () => {
  it("opens no keyboard by itself, at the first visit, at load and after a change of room", async () => {
    const { page } = await newVisitor(browser, PHONE);
    await page.goto(`${server.url}/?room=touch-a`);
    await page.getByText("Nothing has been said").waitFor();
    const inField = () => page.evaluate(() => document.activeElement?.matches("input, textarea"));
    expect(await inField()).toBe(false);
    await giveName(page, "Ada");
    await page.reload();
    await page.getByText("Nothing has been said").waitFor();
    expect(await inField()).toBe(false);
    await page.getByRole("button", { name: "Rooms" }).click();
    await openRoom(page, "touch-b");
    expect(await inField()).toBe(false);
  });

  it("breaks the line with Enter, sends with the button, and keeps the keyboard open", async () => {
    const page = await enter("touch-enter", PHONE);
    const field = message(page);
    expect(await field.evaluate((element: HTMLTextAreaElement) => element.enterKeyHint)).toBe("enter");
    await field.tap();
    await page.keyboard.type("first");
    await page.keyboard.press("Enter");
    await page.keyboard.type("second");
    expect(await field.inputValue()).toBe("first\nsecond");
    await page.getByRole("button", { name: "Send" }).tap();
    await page.locator(".sent-mark").waitFor();
    expect(await page.locator(".text").textContent()).toBe("first\nsecond");
    expect(await focused(page)).toBe("text");
    // A keyboard with more keys can be plugged in.
    await page.keyboard.type("third");
    await page.keyboard.press("Control+Enter");
    await stored(page, "third").waitFor();
  });

  it("says that Enter sends where it does", async () => {
    const page = await enter("hover-enter");
    const hint = await message(page).evaluate((element: HTMLTextAreaElement) => element.enterKeyHint);
    expect(hint).toBe("send");
  });
});
