import { expect, it } from "vitest";
import { RawClient } from "../kit/clients/raw-client.ts";
import { freePort } from "../kit/ports.ts";
import { metricsOf } from "../kit/servers/metrics.ts";
import { launch, listening, type Server } from "../kit/servers/program.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { within } from "../kit/vitest/wait-for.ts";

const PEOPLE = 500;

/** Starts the program at a port with default settings. */
async function start(port: number): Promise<Server> {
  const server = launch({ env: { PORT: String(port), LOG_LEVEL: "warn" } }, port);
  afterwards(server.stop);
  await listening(server);
  return server;
}

/** Lets that many people of this machine's address join at once; fulfils when all are in the room. */
async function joinAll(port: number): Promise<RawClient[]> {
  const people = Array.from(
    { length: PEOPLE },
    (_, i) => new RawClient(`person-${i}`, { port, room: "office" }),
  );
  afterwards(() => {
    for (const person of people) person.destroy();
  });
  await within(Promise.all(people.map(({ ready }) => ready)), "everybody is in the room", 60_000);
  return people;
}

it("five hundred people behind one address join at once, and all return at once after a crash", async () => {
  const port = await freePort();
  const first = await start(port);
  const people = await joinAll(port);
  first.kill();
  await Promise.all(people.map(({ closed }) => closed));
  const next = await start(port);
  await joinAll(port);
  const { sum } = await metricsOf(next.url);
  expect([sum("dynochat_sockets"), sum("dynochat_limited_total")]).toEqual([PEOPLE, 0]);
});
