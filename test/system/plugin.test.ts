import fastify, { type FastifyInstance } from "fastify";
import { expect, it } from "vitest";
import WebSocket from "ws";
import { type DynochatOptions, dynochat } from "../../src/plugin.ts";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { connectV1 } from "../kit/clients/v1-client.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";

/** An embedding app, with a front page, an API and a header of its own, and the chat in it. */
async function startOwnApp(
  options: DynochatOptions,
): Promise<{ app: FastifyInstance; url: string; wsUrl: string }> {
  const app = fastify();
  app.addHook("onSend", async (_request, reply) => void reply.header("x-own", "yes"));
  if (options.page === false) app.get("/", async () => "our front page");
  app.get("/api/orders", async () => ({ orders: 3 }));
  await app.register(dynochat, options);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  afterwards(() => app.close());
  return { app, url, wsUrl: url.replace("http", "ws") };
}

it("an embedding app has the chat beside its own pages, which stay unchanged", async () => {
  const { url, wsUrl } = await startOwnApp({ page: false, defaultRoom: "shop", messagesPerSecond: 0 });
  const front = await fetch(`${url}/`);
  expect(await front.text()).toBe("our front page");
  expect(front.headers.get("content-security-policy")).toBeNull();
  expect(await (await fetch(`${url}/api/orders`)).json()).toEqual({ orders: 3 });
  expect((await fetch(`${url}/nowhere`)).status).toBe(404);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const ada = await connectV1(wsUrl, { room: "shop" });
  const grace = await connectPlain(`${wsUrl}/ws`);
  await ada.say("shop", "inside another app");
  await grace.waitFor(({ text }) => text === "inside another app", "the plain client has it");
});

it("an upgrade to an address that has no socket is answered, and the app goes on", async () => {
  const { url, wsUrl } = await startOwnApp({ page: false });
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const socket = new WebSocket(`${wsUrl}/nowhere`);
    socket.on("unexpected-response", (_request, response) => resolve(response.statusCode));
    socket.on("open", () => reject(new Error("it was opened")));
    socket.on("error", reject);
  });
  expect(status).toBe(404);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});

it("an app that closes drains the chat first: its clients are told, and nothing is left open", async () => {
  const { app, wsUrl } = await startOwnApp({ page: false, shutdownSeconds: 5 });
  const ada = await connectV1(wsUrl, { room: "lobby" });
  const closed = app.close();
  await ada.waitFor((frame) => frame.type === "restart", "the restart is announced");
  await closed;
  await expect(fetch(wsUrl.replace("ws", "http"))).rejects.toThrow();
});

it("an app that has metrics of its own keeps them", async () => {
  const app = fastify();
  app.get("/metrics", async () => "orders 3\n");
  await app.register(dynochat, { page: false });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  afterwards(() => app.close());
  expect(await (await fetch(`${url}/metrics`)).text()).toBe("orders 3\n");
  const { url: other } = await startOwnApp({ page: false });
  expect(await (await fetch(`${other}/metrics`)).text()).toContain("dynochat_sockets");
});
