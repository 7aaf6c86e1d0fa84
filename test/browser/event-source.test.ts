import { describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { openDoorway } from "../kit/servers/doorway.ts";
import { startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const KEY = "0123456789abcdef";

describe("a browser's EventSource", () => {
  it("goes on by itself where it was cut off, missing nothing and showing nothing twice", async () => {
    const server = await startServer({ env: { API_KEYS: KEY, MESSAGES_PER_SECOND: "0" } });
    await server.ready();
    const say = (text: string) =>
      fetch(`${server.url}/api/rooms/lobby/messages`, {
        method: "POST",
        headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
        body: JSON.stringify({ text }),
      });
    const doorway = await openDoorway();
    doorway.leadTo(server.port);
    const { page } = await newVisitor(await startBrowser());
    // A page of the same origin that does nothing of its own.
    await page.goto(`${doorway.url}/livez`);
    await page.evaluate(() => {
      const source = new EventSource("/api/rooms/lobby/events");
      const list = document.body.appendChild(document.createElement("ol"));
      source.addEventListener("joined", () => list.setAttribute("class", "joined"));
      source.addEventListener("message", ({ data }) => {
        list.appendChild(document.createElement("li")).textContent = JSON.parse(data).text;
      });
    });
    await page.locator("ol.joined").waitFor({ state: "attached" });
    await say("first");
    await page.locator("li", { hasText: "first" }).waitFor();
    doorway.shut();
    for (const text of ["second", "third"]) await say(text);
    doorway.leadTo(server.port);
    await page.locator("li", { hasText: "third" }).waitFor();
    await say("fourth");
    await page.locator("li", { hasText: "fourth" }).waitFor();
    const texts = await page.locator("li").allTextContents();
    expect(texts).toEqual(["first", "second", "third", "fourth"]);
    await page.close();
    await waitFor(
      () => server.logs().filter(({ event }) => event === "close").length === 2,
      "both streams are closed",
    );
  });
});
