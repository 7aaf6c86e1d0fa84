import { expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { giveName, say, stored } from "../kit/browser/chat-page.ts";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { startServer } from "../kit/servers/server.ts";

/** With the page one more than the server names. */
const CROWD = 200;

it("a room of more networks than the server names people shows oneself, who speaks, and how many more", async () => {
  const [server, browser] = await Promise.all([
    startServer({
      env: {
        MAX_CONNECTIONS_PER_ADDRESS: "0",
        CONNECTS_PER_SECOND_PER_ADDRESS: "0",
        MESSAGES_PER_SECOND: "0",
        TRUST_PROXY: "true",
      },
    }),
    startBrowser(),
  ]);
  const room = "crowd";
  const sockets = await Promise.all(
    Array.from({ length: CROWD }, (_, n) =>
      connectPlain(server.wsUrl, { query: { room }, headers: { "X-Forwarded-For": `192.0.2.${n}` } }),
    ),
  );
  const enter = async (name: string) => {
    const { page, errors } = await newVisitor(browser);
    await page.goto(`${server.url}/?room=${room}`);
    await giveName(page, name);
    await page.locator(".person", { hasText: name }).waitFor();
    return { page, errors };
  };
  const { page: ada, errors } = await enter("Ada");
  const { page: bob } = await enter("Bob");
  await ada
    .locator("#people-count")
    .getByText(String(CROWD + 2))
    .waitFor();
  await ada.getByText(`and ${CROWD + 1} more`).waitFor();
  expect(await ada.locator(".person").allTextContents()).toEqual([expect.stringContaining("Ada")]);
  await say(bob, "Hello from Bob");
  sockets[0]?.send({ handle: "Cleo", text: "Hello from Cleo" });
  await stored(ada, "Hello from Cleo").waitFor();
  await ada.locator(".person", { hasText: "Cleo" }).waitFor();
  expect(await ada.locator(".person-name").allTextContents()).toEqual(["Ada", "Bob", "Cleo"]);
  await ada.getByText(`and ${CROWD - 1} more`).waitFor();
  // A name that is changed in a crowd is not told by the list.
  await ada.getByRole("button", { name: "Change name" }).click();
  await ada.getByLabel("What should people call you?").fill("Bea");
  await ada.getByRole("button", { name: "Save" }).click();
  await ada.locator(".person", { hasText: "Bea" }).waitFor();
  expect(await ada.locator("#own-name").textContent()).toBe("Bea");
  expect(errors).toEqual([]);
});
