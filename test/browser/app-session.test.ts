import fastify from "fastify";
import type { Browser } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { dynochat } from "../../src/plugin.ts";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { rememberName, say, stored } from "../kit/browser/chat-page.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});

/** An app whose users are those of its own session. Guests are accepted. */
async function startSite() {
  const app = fastify({ forceCloseConnections: true });
  await app.register(dynochat, {
    authenticate: ({ headers: { cookie = "" } }) =>
      cookie.includes("sid=ann") ? { id: "ann", name: "Ann Ash" } : undefined,
    shutdownSeconds: 0,
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  afterwards(() => app.close());
  const dropAll = (): void => {
    for (const { connection } of app.dynochat.chat.sessions()) connection.close(1012, "restarting");
  };
  return { url, dropAll };
}

describe("the page of an app that names the users of its session", () => {
  it("is that user's without a token, and asks to sign in again when the session has ended", async () => {
    const { url, dropAll } = await startSite();
    const { page, errors } = await newVisitor(browser);
    await page.context().addCookies([{ name: "sid", value: "ann", url }]);
    // Perhaps the user was a guest at an earlier visit.
    await rememberName(page, "Somebody else");
    await page.goto(url);
    await page.locator("#own-name", { hasText: "Ann Ash" }).waitFor();
    expect(await page.getByRole("button", { name: "Change name" }).isVisible()).toBe(false);
    expect(await page.getByLabel("What should people call you?").isVisible()).toBe(false);
    await say(page, "good morning");
    await stored(page, "good morning").waitFor();
    expect(await page.locator(".message").textContent()).toContain("Ann Ash");
    expect((await page.context().cookies()).map(({ name }) => name)).toEqual(["sid"]);
    await page.context().clearCookies();
    dropAll();
    await page.locator("#connection-text", { hasText: /^You are signed out\. Sign in again/ }).waitFor();
    await page.context().addCookies([{ name: "sid", value: "ann", url }]);
    await page.getByRole("button", { name: "Try now" }).click();
    await say(page, "back again");
    await stored(page, "back again").waitFor();
    expect(await page.locator(".message", { hasText: "back again" }).textContent()).not.toContain("guest");
    expect(errors).toEqual([]);
  });

  it("is a guest's where nobody is signed in, who chooses a name", async () => {
    const { url } = await startSite();
    const { page } = await newVisitor(browser);
    await page.goto(url);
    await page.getByLabel("What should people call you?").waitFor();
  });
});
