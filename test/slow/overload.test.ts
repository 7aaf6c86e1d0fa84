import { expect, it } from "vitest";
import { refusalOf } from "../kit/clients/recorded-socket.ts";
import { connectV1, openV1 } from "../kit/clients/v1-client.ts";
import { metricsOf } from "../kit/servers/metrics.ts";
import { startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

it("a process whose event loop is late accepts no new clients, serves those it has, and accepts new ones again after", async () => {
  const planted = new URL("../kit/block-on-signal.mjs", import.meta.url).href;
  const server = await startServer({
    env: { NODE_OPTIONS: `--import ${planted}`, MAX_LOOP_DELAY_MS: "300" },
  });
  const ann = await connectV1(server.wsUrl, { room: "lobby" });
  const overload = () => server.logs().filter(({ event }) => event === "overload");

  server.kill("SIGUSR2");
  await waitFor(() => overload().length === 1, "the overload is noticed");
  expect(overload()[0]?.["reason"]).toContain("event loop");
  const refused = await refusalOf(openV1(server.wsUrl));
  expect(refused.status).toBe(503);
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect(refused.body).toContain("too much to do");
  await ann.say("lobby", "served all the same");
  await ann.waitForText("served all the same");
  const readiness = await fetch(`${server.url}/readyz`);
  expect(readiness.status).toBe(503);
  expect(await readiness.json()).toMatchObject({
    ready: false,
    reasons: [expect.stringMatching(/overload: .*event loop/)],
  });
  const metrics = await metricsOf(server.url);
  expect(metrics.sum("dynochat_overloaded")).toBe(1);
  expect(metrics.sum("dynochat_upgrades_refused_total", { status: "503" })).toBe(1);

  server.kill("SIGUSR2");
  await waitFor(() => overload().length === 2, "the end of it is noticed");
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  const ben = await connectV1(server.wsUrl, { room: "lobby" });
  await ben.say("lobby", "welcome");
  await ann.waitForText("welcome");
});

it("a process each of whose ticks takes a second accepts no new clients either", async () => {
  const planted = new URL("../kit/block-on-signal.mjs", import.meta.url).href;
  const server = await startServer({
    env: { NODE_OPTIONS: `--import ${planted}`, MAX_LOOP_DELAY_MS: "300", BLOCKED_MS: "1000" },
  });
  server.kill("SIGUSR2");
  await server.waitForLog(({ event }) => event === "overload", "the overload is noticed");
  server.kill("SIGUSR2");
});

it("without a limit everybody is taken in, however late the event loop is", async () => {
  const planted = new URL("../kit/block-on-signal.mjs", import.meta.url).href;
  const server = await startServer({
    env: { NODE_OPTIONS: `--import ${planted}`, MAX_LOOP_DELAY_MS: "0" },
  });
  server.kill("SIGUSR2");
  await waitFor(
    async () => (await metricsOf(server.url)).sum("dynochat_event_loop_delay_seconds") > 0.15,
    "the loop is late",
  );
  const ann = await connectV1(server.wsUrl, { room: "lobby" });
  await ann.say("lobby", "taken in");
});

it("a process that has used up its memory accepts no new clients, and logs that", async () => {
  // Less than the program itself needs.
  const server = await startServer({ env: { MEMORY_AVAILABLE: "80" } });
  await server.waitForLog(({ event }) => event === "overload", "the overload is noticed");
  const refused = await refusalOf(openV1(server.wsUrl));
  expect(refused.status).toBe(503);
  expect(refused.body).toMatch(/memory|heap/);
  expect((await fetch(`${server.url}/livez`)).status).toBe(200);
});
