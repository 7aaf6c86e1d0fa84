import type { Browser } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

/** Opens the page in a browser that has the interface for notifications as `script` makes it. */
async function openWith(script: string) {
  const { page, errors } = await newVisitor(browser);
  await page.addInitScript(`
    window.made = 0;
    window.Notification = class extends EventTarget {
      static permission = "default";
      static requestPermission() { this.permission = "granted"; return Promise.resolve("granted"); }
      constructor() { super(); window.made += 1; }
      close() {}
    };
    ${script}
  `);
  await page.goto(`${server.url}/?room=notifications`);
  await page.getByText("Nothing has been said").waitFor();
  return { page, errors, ask: page.getByRole("button", { name: "Notify me when I am named" }) };
}

describe("the button that asks whether the page may notify", () => {
  it("is there where it may help, and goes with the answer", async () => {
    const { ask, errors } = await openWith("");
    await ask.click();
    await ask.waitFor({ state: "hidden" });
    expect(errors).toEqual([]);
  });

  it.each([
    [
      "pages cannot notify, as on Android",
      `Notification = class extends Notification {
        constructor() { throw new TypeError("Illegal constructor. Use ServiceWorkerRegistration.showNotification() instead."); }
      };`,
    ],
    ["the page is not secure", "Object.defineProperty(window, 'isSecureContext', { get: () => false });"],
    ["the browser knows no notifications", "delete window.Notification;"],
    ["the answer was no", "Notification.permission = 'denied';"],
  ])("is not there where %s", async (_case, script) => {
    const { ask, errors } = await openWith(script);
    expect(await ask.isVisible()).toBe(false);
    expect(errors).toEqual([]);
  });

  it("tries no notification where one would be shown", async () => {
    const { page } = await openWith("Notification.permission = 'granted';");
    expect(await page.evaluate("made")).toBe(0);
  });
});
