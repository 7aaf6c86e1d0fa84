import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

/** A proxy that names a host of its own, as a careless one does; `upgrades` counts the sockets asked for. */
async function openHostChangingProxy(port: number): Promise<{ url: string; upgrades: () => number }> {
  let upgrades = 0;
  const server = createServer((outside) => {
    const inside = connect(port, "127.0.0.1");
    outside.on("data", (bytes: Buffer) => {
      const text = bytes.toString("latin1");
      if (/^upgrade: websocket/im.test(text)) upgrades += 1;
      inside.write(Buffer.from(text.replaceAll(/^host: .*$/gim, "Host: chat.internal"), "latin1"));
    });
    inside.pipe(outside);
    for (const [socket, other] of [[outside, inside] as const, [inside, outside] as const]) {
      // An error is always followed by close.
      socket.on("error", () => undefined);
      socket.on("close", () => other.destroy());
    }
  });
  afterwards(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port: own } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${own}`, upgrades: () => upgrades };
}

it("a page whose address the server does not allow says so, and asks again only when a person does", async () => {
  const server = await startServer();
  await server.ready();
  const { url, upgrades } = await openHostChangingProxy(server.port);
  const { page } = await newVisitor(await startBrowser());
  await page.goto(`${url}/?room=lobby`);
  const line = page.getByText(`This page's address (${url}) is not allowed by the server.`);
  await line.waitFor();
  expect(await page.getByText("Connection lost").count()).toBe(0);
  expect(upgrades()).toBe(1);
  await page.getByRole("button", { name: "Try now" }).click();
  await waitFor(() => upgrades() === 2, "the page tries again");
  await line.waitFor();
  const refused = await server.waitForLog(({ event }) => event === "origin-refused", "the refusal is logged");
  expect(refused).toMatchObject({ origin: url, host: "chat.internal" });
});
