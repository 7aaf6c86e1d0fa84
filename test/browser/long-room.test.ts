import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { ROWS_LIMIT } from "../../src/page/messages/row-window.ts";
import { startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, say, stored } from "../kit/browser/chat-page.ts";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { goHome } from "./glides.ts";

const MESSAGES = 700;

let browser: Browser;
let server: Server;

beforeAll(async () => {
  const env = { MESSAGES_PER_SECOND: "0", HISTORY_MESSAGES: "5000" };
  [server, browser] = await Promise.all([startServer({ env }), startBrowser()]);
});

/** A message's text; every seventh has three lines, so that rows differ in height. */
function textOf(n: number): string {
  return n % 7 === 0 ? `number ${n}\nand\nmore` : `number ${n}`;
}

/** Somebody who has said `MESSAGES` things there. */
async function fill(room: string) {
  const speaker = await connectPlain(server.wsUrl, { query: { room } });
  for (let n = 1; n <= MESSAGES; n += 1) speaker.send({ handle: "Bob", text: textOf(n) });
  await speaker.waitFor((frame) => frame["text"] === textOf(MESSAGES));
  return speaker;
}

/** Lets a user send a hundred messages per second until the test ends: "<word> 1", "<word> 2", and so on. */
function talkOn(speaker: Awaited<ReturnType<typeof fill>>, word: string): { readonly spoken: number } {
  const talk = { spoken: 0 };
  const timer = setInterval(() => {
    talk.spoken += 1;
    speaker.send({ handle: "Bob", text: `${word} ${talk.spoken}` });
  }, 10);
  afterwards(() => clearInterval(timer));
  return talk;
}

interface Walk {
  readonly texts: readonly string[];
  /** Pixels by which a row was not where it should have been, one entry a jump. */
  readonly jumps: readonly number[];
  readonly rows: number;
}

/** Scrolls by `step` pixels at a time to an end of the room, and notes what was seen, and every jump. */
function walk(page: Page, step: number, isDone: string): Promise<Walk> {
  return page.evaluate(
    async ([by, last]) => {
      const scroller = document.querySelector("#scroller")!;
      const texts = new Set<string>();
      const jumps: number[] = [];
      let rows = 0;
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const visible = () =>
        [...scroller.querySelectorAll(".message .text")].filter((row) => {
          const { top, bottom } = row.getBoundingClientRect();
          const window = scroller.getBoundingClientRect();
          return bottom > window.top && top < window.bottom;
        });
      let marked: { row: Element; y: number } | undefined;
      const started = performance.now();
      while (performance.now() - started < 45_000) {
        const seen = visible();
        for (const row of seen) texts.add(row.textContent ?? "");
        rows = Math.max(rows, scroller.querySelectorAll(".message").length);
        const row = seen[Math.floor(seen.length / 2)]!;
        if (marked?.row.isConnected === true) {
          const moved = marked.row.getBoundingClientRect().bottom - marked.y;
          if (Math.abs(moved) > 1) jumps.push(Math.round(moved));
        }
        if (texts.has(last)) break;
        const y = row.getBoundingClientRect().bottom;
        const before = scroller.scrollTop;
        scroller.scrollTop += by;
        // The window may end before the step does; then rows come, and the next step goes on.
        const wanted = y - (scroller.scrollTop - before);
        await frame();
        await frame();
        await frame();
        marked = { row, y: wanted };
      }
      return { texts: [...texts], jumps, rows };
    },
    [step, isDone] as const,
  );
}

/**
 * Notes what the last row says in the frame after the next press of a key; "out of view" where one does not
 * see it.
 */
async function noteNextFrame(page: Page): Promise<void> {
  await page.evaluate(() => {
    const note = () => {
      const last = [...document.querySelectorAll(".message")].at(-1);
      const bottom = document.querySelector("#scroller")?.getBoundingClientRect().bottom ?? 0;
      const isInView = last !== undefined && last.getBoundingClientRect().bottom <= bottom;
      document.body.dataset["nextFrame"] = isInView
        ? (last.querySelector(".text")?.textContent ?? "")
        : "out of view";
    };
    addEventListener("keydown", () => requestAnimationFrame(note), { once: true });
  });
}

/** Notes the place of the last row at the next press of a key, before anything comes of it. */
async function noteNextPress(page: Page): Promise<void> {
  await page.evaluate(() => {
    const note = () => {
      const row = [...document.querySelectorAll(".message")].at(-1);
      row?.setAttribute("data-noted", String(row.getBoundingClientRect().bottom));
    };
    addEventListener("keydown", note, { once: true, capture: true });
  });
}

/** The row that was noted is as many pixels further down: the list has moved as far as the key moves it. */
async function movedDown(page: Page, pixels: number): Promise<void> {
  await page.waitForFunction((wanted) => {
    const row = document.querySelector("[data-noted]");
    const from = Number(row?.getAttribute("data-noted"));
    return row !== null && row.getBoundingClientRect().bottom - from > wanted - 1;
  }, pixels);
}

/**
 * The newest row is the talk's message of that number, or a later one: each row goes again when many come.
 */
async function hears(page: Page, word: string, number: number): Promise<void> {
  await page.waitForFunction(
    ([said, wanted]) => {
      const newest = [...document.querySelectorAll(".message .text")].at(-1)?.textContent ?? "";
      return newest.startsWith(`${said} `) && Number(newest.split(" ")[1]) >= wanted;
    },
    [word, number] as const,
  );
}

/** The first row that the user sees, and where. */
function topRow(page: Page): Promise<readonly [string, number]> {
  return page.evaluate(() => {
    const { top } = document.querySelector("#scroller")!.getBoundingClientRect();
    const rows = [...document.querySelectorAll(".message .text")];
    const row = rows.find((each) => each.getBoundingClientRect().bottom > top)!;
    return [row.textContent ?? "", Math.round(row.getBoundingClientRect().bottom - top)] as const;
  });
}

/** As many messages came below what the user reads. */
async function newBelow(page: Page, messages: number): Promise<void> {
  await page.waitForFunction((wanted) => {
    const button = document.querySelector<HTMLElement>("#newest")!;
    return !button.hidden && Number.parseInt(button.textContent ?? "", 10) >= wanted;
  }, messages);
}

/** Frames are slow where the processor is shared: each of the walks may take three quarters of a minute. */
describe("a long room", { timeout: 180_000 }, () => {
  it("is read to its beginning and back without a jump, with some hundreds of rows in the document", async () => {
    await fill("long");
    const { page, errors } = await enterRoom(browser, server.url, "Ada", "long");
    await stored(page, `number ${MESSAGES - 1}`).waitFor();
    const all = Array.from({ length: MESSAGES }, (_, index) => textOf(index + 1));
    const up = await walk(page, -400, textOf(1));
    expect(up.jumps).toEqual([]);
    expect(up.rows).toBeLessThanOrEqual(ROWS_LIMIT);
    expect(all.filter((text) => !up.texts.includes(text))).toEqual([]);
    const down = await walk(page, 400, textOf(MESSAGES));
    expect(down.jumps).toEqual([]);
    expect(down.rows).toBeLessThanOrEqual(ROWS_LIMIT);
    expect(all.filter((text) => !down.texts.includes(text))).toEqual([]);
    expect(errors).toEqual([]);
  });

  it("shows one's own message after the newest in the next frame, also from far up, and counts what came below", async () => {
    const speaker = await fill("far-up");
    const { page } = await enterRoom(browser, server.url, "Ada", "far-up");
    await stored(page, `number ${MESSAGES - 1}`).waitFor();
    await walk(page, -400, textOf(200));
    speaker.send({ handle: "Bob", text: "while you read" });
    await page.getByRole("button", { name: "1 new message", exact: true }).waitFor();
    expect(await stored(page, "while you read").count()).toBe(0);
    await page.getByLabel("Message", { exact: true }).fill("mine");
    await noteNextFrame(page);
    await page.keyboard.press("Enter");
    await page.locator("body[data-next-frame]").waitFor();
    expect(await page.locator("body").getAttribute("data-next-frame")).toBe("mine");
    await stored(page, "mine").waitFor();
    expect((await page.locator(".text").allTextContents()).slice(-2)).toEqual(["while you read", "mine"]);
    expect(await page.locator(".message").count()).toBeLessThanOrEqual(ROWS_LIMIT);
  });

  it("lets go of the newest at one press of a key upward, however fast messages come", async () => {
    const speaker = await fill("busy");
    const { page } = await enterRoom(browser, server.url, "Ada", "busy");
    await stored(page, `number ${MESSAGES - 1}`).waitFor();
    talkOn(speaker, "busy");
    await hears(page, "busy", 20);
    await page.locator("#scroller").focus();
    await noteNextPress(page);
    // 40 pixels: less than what counts as the end for a user who scrolls down.
    await page.keyboard.press("ArrowUp");
    await movedDown(page, 40);
    await newBelow(page, 50);
    const seen = await topRow(page);
    await newBelow(page, 150);
    expect(await topRow(page)).toEqual(seen);
    await page.getByRole("button", { name: /new messages$/ }).click();
    await page.locator("#newest").waitFor({ state: "hidden" });
  });

  it("is at the newest after one press of End, however fast messages come", async () => {
    const speaker = await fill("end");
    const { page } = await enterRoom(browser, server.url, "Ada", "end");
    await stored(page, `number ${MESSAGES - 1}`).waitFor();
    // The browser glides there; what is pressed on the way would be overtaken.
    await goHome(page);
    const talk = talkOn(speaker, "on");
    await newBelow(page, 20);
    await page.keyboard.press("End");
    await page.locator("#newest").waitFor({ state: "hidden" });
    const reached = talk.spoken;
    await hears(page, "on", reached + 100);
    expect(await page.locator("#newest").isHidden()).toBe(true);
  });

  it("goes on to where Home led when older messages are put above meanwhile", async () => {
    await fill("home");
    const { page } = await enterRoom(browser, server.url, "Ada", "home");
    await stored(page, `number ${MESSAGES - 1}`).waitFor();
    for (let press = 0; press < 3; press += 1) await goHome(page);
  });

  it("keeps selected rows, and drops them afterwards", async () => {
    const speaker = await fill("selected");
    const { page } = await enterRoom(browser, server.url, "Ada", "selected");
    await stored(page, `number ${MESSAGES - 1}`).waitFor();
    const selected = await page.evaluate(() => {
      const row = document.querySelector(".message .text")!;
      getSelection()?.selectAllChildren(row);
      return row.textContent ?? "";
    });
    for (let n = 0; n < ROWS_LIMIT; n += 1) speaker.send({ handle: "Bob", text: `more ${n}` });
    await stored(page, `more ${ROWS_LIMIT - 1}`).waitFor();
    expect(await page.evaluate(() => getSelection()?.toString())).toBe(selected);
    await page.evaluate(() => getSelection()?.removeAllRanges());
    await say(page, "and on");
    await stored(page, "and on").waitFor();
    expect(await page.locator(".message").count()).toBeLessThanOrEqual(ROWS_LIMIT);
  });
});
