/**
 * Measures how smooth the page stays, for docs/page.md: `npm run measure:page`. A room of 1,000 messages is scrolled to
 * its beginning while 50 messages per second arrive; then 10,000 more arrive at 200 per second.
 */

import type { Browser, Page } from "playwright-core";
import { WebSocket } from "ws";
import { launchChromium } from "./kit/browser/chromium.ts";
import { freePort } from "./kit/ports.ts";
import { launch, listening } from "./kit/servers/program.ts";

const ROOM = "busy";

/** What the browser calls a long task of the page's thread, ms. */
const LONG_MS = 50;

/** One task of a trace; times in µs. `tdur` is what the thread computed, `dur` includes that others had the processor. */
interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

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

/** Runs a part and says how long the tasks of the page's thread were meanwhile. */
async function measured(
  browser: Browser,
  page: Page,
  what: string,
  part: () => Promise<void>,
): Promise<void> {
  await browser.startTracing(page, { categories: ["toplevel", "__metadata"] });
  await part();
  const trace: { traceEvents: TraceEvent[] } = JSON.parse((await browser.stopTracing()).toString());
  const events = trace.traceEvents;
  const threads = new Set(
    events
      .filter((event) => event.name === "thread_name" && event.args?.name === "CrRendererMain")
      .map((event) => `${event.pid} ${event.tid}`),
  );
  const tasks = events.filter(
    (event) => event.name.endsWith("RunTask") && threads.has(`${event.pid} ${event.tid}`),
  );
  const long = (of: (task: TraceEvent) => number | undefined) =>
    tasks
      .map((task) => (of(task) ?? 0) / 1_000)
      .filter((ms) => ms > LONG_MS)
      .map(Math.round)
      .sort((a, b) => b - a);
  const longest = Math.round(Math.max(...tasks.map((task) => task.tdur ?? 0)) / 1_000);
  const [computed, elapsed] = [long((task) => task.tdur), long((task) => task.dur)];
  const rows: number = await page.evaluate("document.querySelectorAll('.message').length");
  process.stdout.write(
    `${what}: of ${tasks.length} tasks ${computed.length} computed longer than ${LONG_MS} ms [${computed}], the longest ${longest} ms; ` +
      `with waiting for the processor ${elapsed.length} took longer [${elapsed}]; ${rows} rows\n`,
  );
}

async function measure(browser: Browser, url: string, wsUrl: string): Promise<void> {
  await chatter(wsUrl, 1_000, 1_000);
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
  await measured(browser, page, "opened", async () => {
    await page.goto(`${url}/?room=${ROOM}`);
    await page.locator(".message").nth(40).waitFor();
  });
  await measured(browser, page, "1,000 messages loaded while 50 per second arrived", async () => {
    const live = chatter(wsUrl, 750, 50);
    for (let turn = 0; turn < 40; turn += 1) {
      await page.evaluate("document.querySelector('#scroller').scrollTop = 0");
      await page.waitForTimeout(300);
    }
    await live;
  });
  await page.locator("#newest").click();
  await measured(browser, page, "10,000 more at 200 per second", () => chatter(wsUrl, 10_000, 200));
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
const browser = await launchChromium({ isWhole: true });
try {
  await listening(server);
  await measure(browser, server.url, server.wsUrl);
} finally {
  await browser.close();
  await server.stop();
}
