import { expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { giveName, say, stored } from "../kit/browser/chat-page.ts";
import { startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

it("a document of another version than the script is loaded again until one fits", async () => {
  const [server, browser] = await Promise.all([startServer(), startBrowser()]);
  const { page } = await newVisitor(browser);
  /** What each document lacks, the first load first. */
  const missing = ['name="default-room"', 'name="token-url"', 'id="unread-pill"'];
  let loads = 0;
  await page.route(`${server.url}/?room=deploy`, async (route) => {
    loads += 1;
    const response = await route.fetch();
    const lacks = missing.shift();
    const document = await response.text();
    await route.fulfill({ response, body: lacks === undefined ? document : document.replace(lacks, "") });
  });
  await page.goto(`${server.url}/?room=deploy`);
  await waitFor(() => loads === 4, "the page is loaded again three times");
  await giveName(page, "Ada");
  await say(page, "hello");
  await stored(page, "hello").waitFor();
  expect(loads).toBe(4);
  // The next row of reloads begins anew.
  expect(await page.evaluate(() => sessionStorage.getItem("dynochat.reloads"))).toBeNull();
});
