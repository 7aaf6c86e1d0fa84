import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { connectV1, type V1Client } from "../kit/clients/v1-client.ts";
import { startFleet } from "../kit/servers/fleet.ts";
import { presentFor } from "../kit/servers/present.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

/** Returns how often a client was told that a user came. */
function arrivals(client: V1Client, id: string): number {
  return client.frames.filter(
    (frame) => frame.type === "presence" && frame.joined?.some((one) => one.id === id),
  ).length;
}

it("people of a killed process vanish within 60 s; a user who is elsewhere too stays, counted once, until the last tab closes", {
  timeout: 120_000,
}, async () => {
  const { servers } = await startFleet(2);
  const [lasting, doomed] = [servers[0]!, servers[1]!];
  const room = randomUUID();
  const watcher = await connectV1(lasting.wsUrl);
  const watching = (await watcher.hello({ handle: "watcher" })).user.id;
  await watcher.join(room);
  const first = await connectV1(lasting.wsUrl);
  const { token, user } = await first.hello({ handle: "three tabs" });
  await first.join(room);
  const second = await connectV1(lasting.wsUrl, { room, token, handle: "three tabs" });
  const third = await connectV1(doomed.wsUrl, { room, token, handle: "three tabs" });
  const victim = await connectV1(doomed.wsUrl);
  const lost = (await victim.hello({ handle: "victim" })).user.id;
  await victim.join(room);
  const all = { count: 3, ids: [watching, user.id, lost].sort() };
  await waitFor(() => presentFor(watcher, room).count === 3, "three people are here");
  expect(presentFor(watcher, room)).toEqual(all);
  expect(arrivals(watcher, user.id)).toBe(1);
  await waitFor(() => presentFor(third, room).count === 3, "the other process counts the same");
  expect(presentFor(third, room)).toEqual(all);

  doomed.kill("SIGKILL");
  await Promise.all([third.closed, victim.closed]);
  await waitFor(() => !presentFor(watcher, room).ids.includes(lost), "the victim vanishes", 60_000);
  expect(presentFor(watcher, room)).toEqual({ count: 2, ids: [watching, user.id].sort() });
  // A new client finds no ghost either.
  const newClient = await connectV1(lasting.wsUrl);
  const found = await newClient.join(room);
  expect(found.present.users.map(({ id }) => id)).not.toContain(lost);
  // Who comes and goes between two presence frames is in neither: it must have been seen before it leaves.
  await waitFor(() => presentFor(watcher, room).count === 3, "the new client is seen");
  newClient.terminate();

  first.terminate();
  await waitFor(() => presentFor(watcher, room).count === 2, "the new client has left");
  // A tab still open elsewhere holds its person: a message shows that the room went on meanwhile.
  await second.say(room, "still here");
  await watcher.waitForText("still here");
  expect(presentFor(watcher, room).ids).toEqual([watching, user.id].sort());
  second.terminate();
  await waitFor(() => presentFor(watcher, room).count === 1, "the last tab takes its person along");
  expect(presentFor(watcher, room).ids).toEqual([watching]);
});
