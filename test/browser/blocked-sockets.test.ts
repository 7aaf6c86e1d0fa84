import { describe, expect, it } from "vitest";
import { startBrowser } from "../kit/browser/browser.ts";
import { enterRoom, say, stored } from "../kit/browser/chat-page.ts";
import { openDoorway } from "../kit/servers/doorway.ts";
import { startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

describe("a network that blocks sockets", () => {
  it("lets two people talk all the same: by events and POST", async () => {
    const server = await startServer({ env: { MESSAGES_PER_SECOND: "0" } });
    await server.ready();
    const doorway = await openDoorway();
    doorway.leadTo(server.port);
    doorway.block("refuse");
    const browser = await startBrowser();
    const ann = await enterRoom(browser, doorway.url, "Ann", "lobby");
    const bob = await enterRoom(browser, doorway.url, "Bob", "lobby");
    await say(ann.page, "can you hear me?");
    await stored(bob.page, "can you hear me?").waitFor();
    for (let i = 0; i < 5; i++) await say(bob.page, `yes ${i}`);
    for (const { page } of [ann, bob]) {
      await stored(page, "yes 4").waitFor();
      const texts = await page.locator(".message .text").allTextContents();
      expect(texts).toEqual(["can you hear me?", "yes 0", "yes 1", "yes 2", "yes 3", "yes 4"]);
    }
    expect(await ann.page.locator(".message", { hasText: "yes 4" }).textContent()).toContain("Bob");
    // Both came by streams: no socket was ever open.
    const codecs = server.logs().flatMap(({ event, codec }) => (event === "open" ? [codec] : []));
    expect(new Set(codecs)).toEqual(new Set(["events"]));
    // The stream breaks: what is said meanwhile is there when it is back.
    doorway.shut();
    await say(ann.page, "while the cable was out");
    doorway.leadTo(server.port);
    await stored(bob.page, "while the cable was out").waitFor();
    await waitFor(
      async () =>
        (await ann.page.locator(".message").count()) === (await bob.page.locator(".message").count()),
      "both show the same",
      30_000,
    );
    expect(await ann.page.locator(".message").count()).toBe(7);
  });

  it("is not taken for one where the server alone is away: sockets open again when it is back", async () => {
    const server = await startServer();
    await server.ready();
    const doorway = await openDoorway();
    doorway.leadTo(server.port);
    const browser = await startBrowser();
    const ann = await enterRoom(browser, doorway.url, "Ann", "lobby");
    const requests: string[] = [];
    ann.page.on("request", (request) => requests.push(new URL(request.url()).pathname));
    doorway.shut();
    await waitFor(
      () => requests.filter((path) => path === "/api/origin").length >= 3,
      "three attempts have failed",
      30_000,
    );
    doorway.leadTo(server.port);
    await say(ann.page, "back again");
    await stored(ann.page, "back again").waitFor();
    expect(requests).not.toContain("/api/session");
  });
});
