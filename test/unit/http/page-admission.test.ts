import type { LightMyRequestResponse } from "fastify";
import { expect, it, vi } from "vitest";
import { openApi, withKey } from "../../kit/servers/api.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

/** The statuses of that many requests of one address at one moment, each once. */
async function statusesOf(url: string, count: number, remoteAddress = "192.0.2.1") {
  vi.useFakeTimers({ toFake: ["performance"] });
  afterwards(() => vi.useRealTimers());
  const app = await openApi();
  const answers: LightMyRequestResponse[] = [];
  for (let sent = 0; sent < count; sent += 1) {
    answers.push(await app.inject({ url, headers: withKey(), remoteAddress }));
  }
  return { app, answers, statuses: [...new Set(answers.map(({ statusCode }) => statusCode))] };
}

it.each(["/metrics", "/status/fleet", "/status/rooms/lobby", "/status/reports"])(
  "%s is answered 200 times at once for one address, and then refused",
  async (url) => {
    const { app, answers, statuses } = await statusesOf(url, 201);
    expect(statuses).toEqual([200, 429]);
    expect(answers.at(-2)?.statusCode).toBe(200);
    expect(answers.at(-1)?.headers["retry-after"]).toBe("1");
    expect(answers.at(-1)?.json()).toMatchObject({ message: "Too many requests come from your address." });
    expect(app.dynochat.chat.counters.limited.get("page-requests")).toBe(1);
    expect((await app.inject({ url, headers: withKey(), remoteAddress: "192.0.2.2" })).statusCode).toBe(200);
  },
);

it.each(["/livez", "/readyz"])("%s is answered however often it is asked", async (url) => {
  expect((await statusesOf(url, 300)).statuses).toEqual([200]);
});

it("an office of five hundred people who open the page at once is served", async () => {
  expect((await statusesOf("/icon.svg", 5_000)).statuses).toEqual([200]);
});
