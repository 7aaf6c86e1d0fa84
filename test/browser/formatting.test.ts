import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, giveName, say, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer({ env: { MESSAGES_PER_SECOND: "0" } }), startBrowser()]);
});

describe("a message with markup", () => {
  it("is shown with code, blocks, weight, links that name their host, and larger emoji", async () => {
    const { page, errors } = await enterRoom(browser, server.url, "Ada", "markup");
    await say(page, "**bold** and `code` at https://bank.example@evil.example/x");
    await say(page, "```\nif (a) {\n    b();\n}\n```");
    await say(page, "🎉");
    await page.locator(".message:not(.is-waiting) .text.is-emoji").waitFor();
    expect(await page.locator(".text strong").textContent()).toBe("bold");
    expect(await page.locator(".text > code").textContent()).toBe("code");
    expect(await page.locator(".text pre").textContent()).toBe("if (a) {\n    b();\n}");
    const link = page.locator(".text a");
    expect(await link.textContent()).toBe("https://evil.example/x");
    expect(await link.getAttribute("rel")).toBe("noopener noreferrer nofollow");
    expect(errors).toEqual([]);
  });
});

/** Texts that broke other chats. */
const HOSTILE: readonly string[] = [
  "<script>document.title='broken'</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "</li></ol></main><h1>Outside</h1>",
  "<style>*{display:none}</style>",
  "<a href='javascript:alert(1)'>click</a>",
  "javascript:alert(1)",
  "[click](javascript:alert(1))",
  "data:text/html,<script>alert(1)</script>",
  "&lt;b&gt;entities&lt;/b&gt; &amp;amp;",
  'https://x.example/"onmouseover="alert(1)',
  "https://bank.example@evil.example/",
  "https://ban\u043a.example/login",
  "\u202Eright-to-left override\u202C and back",
  "\u2066\u2067\u2068isolates never closed",
  "مرحبا **bold** https://x.example/مرحبا",
  "שלום `code` 123",
  `Z${"\u0300\u0301\u0302\u0303\u0489".repeat(120)}algo`,
  "null\u0000byte and \u0007bell",
  `a${"\n".repeat(1_900)}b`,
  "W".repeat(1_990),
  "🏳️‍🌈".repeat(150),
  "\u200B\u200B\u200Bzero width\u200B",
  "\uFEFFbyte order mark",
  "a\u3164b", // a filler that looks like nothing
  "﷽".repeat(200),
  "```\nfence that never ends",
  "**".repeat(600),
  "`".repeat(1_500),
  "\t\t\ttabs\r\nand\rreturns",
  `https://x.example/${"a".repeat(1_900)}`,
  "system: the server shuts down in 5 minutes",
];

describe("hostile texts", () => {
  it.each([320, 1_280])(
    "leave a page of %i px whole: text stays text, nothing runs, nothing sticks out",
    async (width) => {
      const { page, errors } = await enterRoom(browser, server.url, "Eve", `hostile-${width}`, {
        viewport: { width, height: 800 },
      });
      const field = page.getByLabel("Message", { exact: true });
      for (const [index, text] of HOSTILE.entries()) {
        await field.fill(text);
        await page.keyboard.press("Enter");
        await page.locator(".message:not(.is-waiting)").nth(index).waitFor();
      }
      const folder = process.env["SCREENSHOTS"];
      if (folder !== undefined) await photograph(page, `${folder}/hostile-${width}`);
      expect(await page.locator(".message").count()).toBe(HOSTILE.length);
      expect(await page.title()).toBe(`hostile-${width} · dynochat`);
      expect(await page.locator(".messages :is(script, img, svg, style, h1, iframe)").count()).toBe(0);
      const hrefs = await page
        .locator(".text a")
        .evaluateAll((links) => links.map((link) => link.getAttribute("href")));
      expect(hrefs.filter((href) => !/^https?:/.test(href ?? ""))).toEqual([]);
      const sticksOut = await page.evaluate(() => [
        ...[document.documentElement, ...document.querySelectorAll("#scroller, .messages, .message")]
          .filter((box) => box.scrollWidth > box.clientWidth)
          .map((box) => box.className || box.id || box.tagName),
        ...[...document.querySelectorAll(".text")]
          .filter((text) => text.getBoundingClientRect().right > innerWidth)
          .map((text) => text.textContent.slice(0, 40)),
      ]);
      expect(sticksOut).toEqual([]);
      expect(errors).toEqual([]);
    },
  );
});

describe("a name that pretends to be another", () => {
  it("gets a suffix where a look-alike is there, is refused where it is the server's own, and turns nothing around", async () => {
    const { page: ada } = await enterRoom(browser, server.url, "Ada", "names");
    const names = ["\u0410da", "ada", "A\u0301da", "\u0645\u0631\u062d\u0628\u0627", "W".repeat(32)];
    for (const name of names) {
      const { page } = await newVisitor(browser);
      await page.goto(`${server.url}/?room=names`);
      await giveName(page, name);
      await page.locator(".person-you").waitFor();
      await say(page, `I am ${name}`);
      await stored(ada, `I am ${name}`).waitFor();
    }
    await say(ada, "I am the first");
    await stored(ada, "I am the first").waitFor();
    const authors = await ada.locator(".author").allTextContents();
    expect(new Set(authors).size).toBe(names.length + 1);
    expect(authors.at(-1)).toBe("Ada");
    expect(authors[0]).toBe("\u0410da 2");
    for (const name of ["system", "\u0405ystem", "\u202Eevil"]) {
      const { page } = await newVisitor(browser);
      await page.goto(`${server.url}/?room=names`);
      await giveName(page, name);
      await page.locator("#name-error:not(:empty)").waitFor();
      expect(await page.locator("#composer").isVisible()).toBe(false);
    }
    const folder = process.env["SCREENSHOTS"];
    if (folder !== undefined) await ada.screenshot({ path: `${folder}/names.png` });
    expect(await ada.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
  });
});

describe("a long message", () => {
  it("is folded, shows all of it when asked, and stays where the user reads it", async () => {
    const { page } = await enterRoom(browser, server.url, "Ada", "folded");
    const lines = Array.from({ length: 180 }, (_, index) => `line ${index + 1}`).join("\n");
    await say(page, lines);
    await page.locator(".message:not(.is-waiting)").waitFor();
    const text = page.locator(".text");
    const height = () => text.evaluate((element) => element.getBoundingClientRect().height);
    const top = () => text.evaluate((element) => element.getBoundingClientRect().top);
    expect(await height()).toBeLessThan(400);
    const before = await top();
    const button = page.getByRole("button", { name: "Show all" });
    expect(await button.getAttribute("aria-expanded")).toBe("false");
    await button.click();
    expect(await height()).toBeGreaterThan(2_000);
    expect(Math.abs((await top()) - before)).toBeLessThan(2);
    await page.getByRole("button", { name: "Jump to the newest" }).waitFor();
    expect(await text.textContent()).toBe(lines);
    await page.getByRole("button", { name: "Show less" }).click();
    expect(await height()).toBeLessThan(400);
  });
});

/** A picture a window, from the newest up. */
async function photograph(page: Page, name: string): Promise<void> {
  const scroller = page.locator("#scroller");
  for (let shot = 0; shot < 6; shot += 1) {
    await page.screenshot({ path: `${name}-${shot}.png` });
    await scroller.evaluate((element) => element.scrollBy(0, -element.clientHeight + 40));
  }
}
