/**
 * Measures how smooth the page stays, for docs/page.md: `npm run measure:page`. A room of 1,000 messages is scrolled to
 * its beginning while 50 messages a second arrive; then 10,000 more arrive at 200 a second.
 */

import type { Browser, Page } from "playwright-core";
import { WebSocket } from "ws";
import { launchChromium } from "./kit/chromium.ts";
import { freePort } from "./kit/ports.ts";
import { launch, listening } from "./kit/program.ts";

const ROOM = "busy";

/** Long tasks are what the browser calls one of more than 50 ms on the page's only thread. */
const WATCH = `
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.longTasks.push(Math.round(entry.duration));
  }).observe({ type: "longtask" });
`;

/** Says `count` things, `perSecond` of them a second. */
async function chatter(url: string, count: number, perSecond: number): Promise<void> {
  const socket = new WebSocket(`${url}/ws?room=${ROOM}&history=1`);
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  const started = performance.now();
  for (let n = 0; n < count; n += 1) {
    socket.send(
      JSON.stringify({
        handle: `Person ${n % 7}`,
        text: `number ${n} says **something** at https://x.example/${n}`,
      }),
    );
    const ahead = started + ((n + 1) * 1_000) / perSecond - performance.now();
    if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
  }
  socket.close();
}

async function report(page: Page, what: string): Promise<void> {
  const tasks: number[] = await page.evaluate("window.longTasks.splice(0)");
  const rows: number = await page.evaluate("document.querySelectorAll('.message').length");
  process.stdout.write(`${what}: ${tasks.length} long tasks [${tasks.join(", ")}] ms, ${rows} rows\n`);
}

async function measure(browser: Browser, url: string, wsUrl: string): Promise<void> {
  await chatter(wsUrl, 1_000, 1_000);
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
  await page.addInitScript(WATCH);
  await page.goto(`${url}/?room=${ROOM}`);
  await page.locator(".message").nth(40).waitFor();
  await report(page, "opened");
  const live = chatter(wsUrl, 750, 50);
  for (let turn = 0; turn < 40; turn += 1) {
    await page.evaluate("document.querySelector('#scroller').scrollTop = 0");
    await page.waitForTimeout(300);
  }
  await live;
  await report(page, "1,000 messages loaded while 50 a second arrived");
  await page.locator("#newest").click();
  await chatter(wsUrl, 10_000, 200);
  await report(page, "10,000 more at 200 a second");
  await page.close();
}

const port = await freePort();
const env = {
  PORT: String(port),
  MESSAGES_PER_SECOND: "0",
  HISTORY_MESSAGES: "20000",
  HISTORY_BYTES: "20000000",
};
const server = launch({ env }, port);
const browser = await launchChromium();
try {
  await listening(server);
  await measure(browser, server.url, server.wsUrl);
} finally {
  await browser.close();
  await server.stop();
}
