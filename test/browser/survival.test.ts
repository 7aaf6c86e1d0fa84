import type { Browser } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, say, socketSwitch, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

describe("what the user wrote", () => {
  it("while offline is sent once after a reload, in its order", async () => {
    const { page: ada, errors } = await enterRoom(browser, server.url, "Ada", "reload");
    const { page: bob } = await enterRoom(browser, server.url, "Bob", "reload");
    const sockets = await socketSwitch(ada);
    await ada.reload();
    await ada.locator(".person", { hasText: "Ada" }).waitFor();
    await sockets.off();
    await say(ada, "one, before the reload");
    await say(ada, "two, before the reload");
    await ada.locator(".is-waiting").nth(1).waitFor();
    await ada.reload();
    await ada.locator(".is-waiting").nth(1).waitFor();
    expect(await bob.locator(".message").count()).toBe(0);
    sockets.on();
    await stored(bob, "two, before the reload").waitFor();
    await ada.locator(".is-waiting").first().waitFor({ state: "detached" });
    const expected = ["one, before the reload", "two, before the reload"];
    expect(await ada.locator(".text").allTextContents()).toEqual(expected);
    expect(await bob.locator(".text").allTextContents()).toEqual(expected);
    await ada.reload();
    await stored(ada, "two, before the reload").waitFor();
    expect(await ada.locator(".text").allTextContents()).toEqual(expected);
    expect(errors.filter((error) => !/WebSocket|Failed to load resource/.test(error))).toEqual([]);
  });

  it("in a tab that was closed is sent by another tab, and by one only", async () => {
    const { page: first } = await enterRoom(browser, server.url, "Ada", "two-tabs");
    const sockets = await socketSwitch(first);
    await first.reload();
    await first.locator(".person", { hasText: "Ada" }).waitFor();
    await sockets.off();
    await say(first, "from a closed tab");
    await first.locator(".is-waiting").waitFor();
    await first.close();
    sockets.on();
    const context = first.context();
    const tabs = await Promise.all([context.newPage(), context.newPage()]);
    for (const tab of tabs) await tab.goto(`${server.url}/?room=two-tabs`);
    for (const tab of tabs) {
      await stored(tab, "from a closed tab").waitFor();
      expect(await tab.locator(".message").count()).toBe(1);
    }
  });

  it("in a tab that is closed is sent by one that was open before", async () => {
    const { page: open } = await enterRoom(browser, server.url, "Ada", "open-tab");
    const closed = await open.context().newPage();
    const sockets = await socketSwitch(closed);
    await closed.goto(`${server.url}/?room=open-tab`);
    await closed.locator(".person", { hasText: "Ada" }).waitFor();
    await sockets.off();
    await say(closed, "for somebody else to send");
    await closed.locator(".is-waiting").waitFor();
    await closed.close();
    sockets.on();
    await stored(open, "for somebody else to send").waitFor();
    expect(await open.locator(".message").count()).toBe(1);
  });

  it("and did not send is there again after a reload and a change of room, each room's own", async () => {
    const { page } = await enterRoom(browser, server.url, "Ada", "drafts-a");
    const field = page.getByLabel("Message", { exact: true });
    await field.fill("begun in a");
    await page.getByLabel("Open or create a room").fill("drafts-b");
    await page.keyboard.press("Enter");
    await page.getByText("Nothing has been said in #drafts-b yet.").waitFor();
    expect(await field.inputValue()).toBe("");
    await field.fill("begun in b");
    await page.reload();
    await page.getByText("Nothing has been said in #drafts-b yet.").waitFor();
    expect(await field.inputValue()).toBe("begun in b");
    await page.getByRole("link", { name: "drafts-a" }).click();
    await page.getByText("Nothing has been said in #drafts-a yet.").waitFor();
    expect(await field.inputValue()).toBe("begun in a");
    await say(page, "sent");
    await stored(page, "sent").waitFor();
    await page.reload();
    await stored(page, "sent").waitFor();
    expect(await field.inputValue()).toBe("");
  });
});
