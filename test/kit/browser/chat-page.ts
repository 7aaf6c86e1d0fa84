import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { newVisitor, type Visitor } from "./browser.ts";

/** Opens the page as a user who gave a name at an earlier visit, and waits until the room is there. */
export async function enterRoom(
  browser: Browser,
  url: string,
  name: string,
  room: string,
  options: BrowserContextOptions = {},
): Promise<Visitor> {
  const visitor = await newVisitor(browser, options);
  await rememberName(visitor.page, name);
  await visitor.page.goto(`${url}/?room=${room}`);
  await visitor.page.locator(".person", { hasText: name }).waitFor({ state: "attached" });
  return visitor;
}

/**
 * Lets the page find a name that was given at an earlier visit. A name that is given now is told to the room up to a second
 * later, which this saves where a test is about something else.
 */
export async function rememberName(page: Page, name: string): Promise<void> {
  const key = JSON.stringify("dynochat.name");
  // A page without an origin stores nothing.
  const canStore = `origin !== "null" && localStorage.getItem(${key}) === null`;
  await page.addInitScript({
    content: `if (${canStore}) localStorage.setItem(${key}, ${JSON.stringify(name)});`,
  });
}

export async function giveName(page: Page, name: string): Promise<void> {
  await page.getByLabel("What should people call you?").fill(name);
  await page.getByRole("button", { name: "Start writing" }).click();
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

/** The stored messages of exactly that text. */
export function stored(page: Page, text: string) {
  return page.locator(".message:not(.is-waiting):not(.is-failed) .text").getByText(text, { exact: true });
}

/**
 * From now on the page's time goes on only as far as the test lets it (`page.clock.runFor`). Needs
 * `clock.install` before the page.
 */
export async function stopTime(page: Page): Promise<void> {
  // It cannot be stopped at a time that is over: far enough ahead for a machine that stands still now and
  // then.
  await page.clock.pauseAt(Date.now() + 10_000);
}

/**
 * Lets a test take the page's sockets away, and what it could do instead, while the page itself can still be
 * loaded.
 */
export async function socketSwitch(page: Page): Promise<{ off: () => Promise<void>; on: () => void }> {
  let isOn = true;
  const open = new Set<() => Promise<void>>();
  await page.context().routeWebSocket(/\/ws$/, (socket) => {
    if (!isOn) {
      socket.close({ code: 1011 }).catch(() => undefined);
      return;
    }
    socket.connectToServer();
    open.add(() => socket.close({ code: 1011 }));
  });
  await page
    .context()
    .route(/\/(api\/.*|livez|readyz)$/, (route) => (isOn ? route.continue() : route.abort()));
  return {
    off: async () => {
      isOn = false;
      await Promise.all([...open].map((close) => close()));
      open.clear();
    },
    on: () => {
      isOn = true;
    },
  };
}
