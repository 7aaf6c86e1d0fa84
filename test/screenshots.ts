/**
 * Makes the pictures of the page in docs/: `npm run screenshots`. And the icons of the manifest from public/icon.svg,
 * because a browser is the best renderer of SVG at hand.
 */

import { readFileSync } from "node:fs";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { launchChromium } from "./kit/browser/chromium.ts";
import { freePort } from "./kit/ports.ts";
import { launch, listening, ROOT } from "./kit/servers/program.ts";

const ROOM = "garden-club";
// No emoji in what is said: a machine without their font would show boxes.
const DESKTOP = { viewport: { width: 1_280, height: 800 } };
const PHONE = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, hasTouch: true };

const TALK: readonly (readonly [number, string])[] = [
  [0, "The new beds are in. **Six of them**, and every one is level."],
  [0, "Pictures will follow once the rain stops."],
  [1, "Wonderful! Who has the list of what goes where?"],
  [2, "I do: https://garden-club.example/beds/2026#plan"],
  [2, "For the two shady ones I was thinking of *wild garlic* and lettuce."],
  [
    1,
    "The pump’s timer is set like this now, say if it is too much:\n```\nevery 2 days at 06:30\n    bed 1-4   12 min\n    bed 5-6    8 min\n```",
  ],
  [0, "Just right."],
  [2, "Then see you on Saturday!"],
];

async function enter(
  browser: Browser,
  url: string,
  name: string,
  options: BrowserContextOptions,
): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(`${url}/?room=${ROOM}`);
  await page.getByLabel("What should people call you?").fill(name);
  await page.getByRole("button", { name: "Start writing" }).click();
  await page.locator(".person", { hasText: name }).waitFor({ state: "attached" });
  const dismiss = page.getByRole("button", { name: "Dismiss" });
  if (await dismiss.isVisible()) await dismiss.click();
  return page;
}

async function photographTalk(browser: Browser, url: string): Promise<void> {
  const people: Page[] = [];
  for (const name of ["Ada", "Mina Okafor", "Jonas"]) people.push(await enter(browser, url, name, DESKTOP));
  const dark = await enter(browser, url, "Ines", { ...DESKTOP, colorScheme: "dark" });
  const phone = await enter(browser, url, "Per", PHONE);
  for (const [index, [person, text]] of TALK.entries()) {
    const page = people[person];
    if (page === undefined) throw new Error(`nobody is number ${person}`);
    await page.getByLabel("Message", { exact: true }).fill(text);
    await page.keyboard.press("Enter");
    for (const each of [...people, dark, phone]) {
      await each.locator(".message:not(.is-waiting)").nth(index).waitFor();
    }
  }
  const [light, , typist] = people;
  await typist?.getByLabel("Message", { exact: true }).pressSequentially("I bring the");
  for (const [page, name] of [
    [light, "page"],
    [dark, "page-dark"],
    [phone, "page-phone"],
  ] as const) {
    await page?.mouse.move(0, 0);
    await page?.getByText("Jonas is typing").waitFor();
    await page?.screenshot({ path: `${ROOT}docs/${name}.png`, caret: "initial", animations: "disabled" });
  }
}

async function renderIcons(browser: Browser): Promise<void> {
  const svg = `data:image/svg+xml,${encodeURIComponent(readFileSync(`${ROOT}public/icon.svg`, "utf8"))}`;
  for (const size of [192, 512]) {
    const page = await browser.newPage({ viewport: { width: size, height: size } });
    await page.setContent(
      `<style>body{margin:0}img{display:block}</style><img src="${svg}" width="${size}" height="${size}">`,
    );
    await page.locator("img").screenshot({ path: `${ROOT}public/icon-${size}.png`, omitBackground: true });
    await page.close();
  }
}

const port = await freePort();
const server = launch({ env: { PORT: String(port), MESSAGES_PER_SECOND: "0" } }, port);
const browser = await launchChromium({ isWhole: true });
try {
  await listening(server);
  await photographTalk(browser, server.url);
  await renderIcons(browser);
} finally {
  await browser.close();
  await server.stop();
}
