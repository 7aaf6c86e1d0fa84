import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { giveName, say } from "../kit/browser/chat-page.ts";
import { openDoorway } from "../kit/servers/doorway.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { atBeginning } from "./glides.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

/** What axe finds, each with the elements that it is about. */
async function violations(page: Page): Promise<string[]> {
  // Evaluated by the debugger, so that the page's policy need not allow it.
  await page.evaluate(AXE);
  const results: AxeResults = await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(TAGS)}, resultTypes: ["violations"] })`,
  );
  return results.violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary}`).join("; ")}`,
  );
}

/** A server that takes everything but a text that begins with "refused". */
async function refuseSome(page: Page): Promise<void> {
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const real = socket.connectToServer();
    socket.onMessage((data) => {
      const frame: { type: string; ref: number; text?: string } = JSON.parse(String(data));
      if (frame.text?.startsWith("refused") !== true) real.send(data);
      else {
        const error = {
          type: "error",
          ref: frame.ref,
          code: "forbidden",
          message: "Not here.",
          retryable: false,
        };
        socket.send(JSON.stringify(error));
      }
    });
  });
}

async function enter(
  page: Page,
  room: string,
  url = server.url,
  awaited = "Nothing has been said",
): Promise<void> {
  await page.goto(`${url}/?room=${room}`);
  await page.getByText(awaited).waitFor();
  await giveName(page, "Ada Lovelace");
}

const looks: [string, BrowserContextOptions][] = [];
for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [320, 1_280]) {
    looks.push([`${colorScheme}, ${width} px`, { colorScheme, viewport: { width, height: 700 } }]);
  }
}

describe.each(looks)("the chat page, %s", (look, options) => {
  const room = look.replaceAll(/\W+/g, "-");

  it("has nothing that axe finds at a first visit, and in an empty room", async () => {
    const { page } = await newVisitor(browser, options);
    await page.goto(`${server.url}/?room=${room}-first`);
    await page.getByText("Nothing has been said").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByLabel("What should people call you?").fill("Ada Lovelace");
    await page.getByRole("button", { name: "Start writing" }).click();
    await page.getByLabel("Message", { exact: true }).waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it("has nothing that axe finds in a room with messages, one of them failed", async () => {
    const { page } = await newVisitor(browser, options);
    await refuseSome(page);
    await enter(page, `${room}-full`);
    await say(page, "Hello, see https://example.org");
    await say(page, "and more **bold** and `code`");
    await say(page, "```\na block\n```");
    await say(page, "long\n".repeat(40));
    await page.locator(".sent-mark").nth(3).waitFor();
    await page.getByRole("button", { name: "Show all" }).waitFor();
    await page.evaluate(() => {
      document.hasFocus = () => false;
      dispatchEvent(new Event("blur"));
    });
    const { page: bob } = await newVisitor(browser);
    await enter(bob, `${room}-full`, server.url, "Hello, see https://example.org");
    await say(bob, "unread");
    await page.locator(".unread-line").waitFor();
    await say(page, "refused");
    await page.getByText("Not sent. Not here.").waitFor();
    await page.getByLabel("Message", { exact: true }).fill("x".repeat(2_001));
    await page.getByText("1 too many").waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
  });

  it("has nothing that axe finds with the panels open and the connection away", async () => {
    const { page } = await newVisitor(browser, options);
    const door = await openDoorway();
    door.leadTo(server.port);
    await enter(page, `${room}-away`, door.url);
    door.shut();
    await say(page, "waits");
    await page.getByRole("button", { name: "Try now" }).waitFor();
    expect(await violations(page)).toEqual([]);
    for (const panel of ["Rooms", /here$/]) {
      const opener = page.getByRole("button", { name: panel });
      if (await opener.isVisible()) await opener.click();
      expect(await violations(page)).toEqual([]);
    }
  });
});

/** Goes with the keyboard to what has that text or label; throws where one does not get there. */
async function tabTo(page: Page, name: string, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  for (let press = 0; press < 60; press += 1) {
    await page.keyboard.press(key);
    const focused = await page.evaluate(() => {
      const { activeElement: element } = document;
      const isField = element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;
      const label = isField ? element.labels?.[0]?.textContent : undefined;
      return (label ?? element?.ariaLabel ?? element?.textContent ?? "").trim();
    });
    if (focused === name) return;
  }
  throw new Error(`the keyboard does not get to "${name}"`);
}

function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.id);
}

describe("the chat page without a mouse", () => {
  it("gives a name, writes, retries, edits and discards by keyboard alone, and focus stays where it was put", async () => {
    const { page } = await newVisitor(browser);
    await refuseSome(page);
    await page.goto(`${server.url}/?room=keyboard`);
    await page.getByText("Nothing has been said").waitFor();
    expect(await focused(page)).toBe("name");
    // The first element of the page leads back to where the user writes.
    await tabTo(page, "Skip to writing", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("name");
    await page.keyboard.type("Ada");
    await page.keyboard.press("Enter");
    await page.keyboard.type("refused");
    await page.keyboard.press("Enter");
    await page.getByText("Not sent. Not here.").waitFor();
    expect(await focused(page)).toBe("text");
    await tabTo(page, "Retry", "Shift+Tab");
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("scroller");
    await page.getByText("Not sent. Not here.").waitFor();
    await tabTo(page, "Edit");
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("text");
    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("refused");
    expect(await page.locator(".message").count()).toBe(0);
    await page.keyboard.type(" again");
    await page.keyboard.press("Enter");
    await page.getByText("Not sent. Not here.").waitFor();
    await tabTo(page, "Discard", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByText("Nothing has been said").waitFor();
  });

  it("opens a room, reads far up, jumps to the newest and goes back to the first room by keyboard alone", async () => {
    const { page } = await newVisitor(browser);
    await enter(page, "first-room");
    await tabTo(page, "Open or create a room", "Shift+Tab");
    await page.keyboard.type("second room");
    await page.keyboard.press("Enter");
    await page.getByText("Nothing has been said in #second-room yet.").waitFor();
    await tabTo(page, "Message");
    for (let n = 0; n < 3; n += 1) {
      for (let line = 0; line < 15; line += 1) {
        await page.keyboard.type("line");
        await page.keyboard.press("Shift+Enter");
      }
      await page.keyboard.press("Enter");
      await page.locator(".sent-mark").nth(n).waitFor();
    }
    await tabTo(page, "Messages", "Shift+Tab");
    await page.keyboard.press("Home");
    // The browser glides there; a jump on the way would be overtaken.
    await atBeginning(page);
    await tabTo(page, "Jump to the newest");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Jump to the newest" }).waitFor({ state: "hidden" });
    expect(await focused(page)).toBe("scroller");
    await tabTo(page, "first-room", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByText("Nothing has been said in #first-room yet.").waitFor();
  });
});
