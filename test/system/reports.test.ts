import { expect, it } from "vitest";
import { connectV1, expected } from "../kit/clients/v1-client.ts";
import { withKey } from "../kit/servers/api.ts";
import { startFleet } from "../kit/servers/fleet.ts";
import type { Server } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const DESK = "the-key-of-the-desk";
const API_KEYS = `desk:${DESK}:moderate@*+operate`;

async function reportsOn({ url }: Server): Promise<readonly Record<string, unknown>[]> {
  const answer = await fetch(`${url}/api/reports`, { headers: withKey(DESK) });
  expect(answer.status).toBe(200);
  const page: { readonly reports: readonly Record<string, unknown>[] } = JSON.parse(await answer.text());
  return page.reports;
}

it("a report over v1 or HTTP is seen by every process, outlives the message, and is dismissed", async () => {
  const { redis, servers } = await startFleet(2, { env: { API_KEYS } });
  const [door, desk] = [servers[0]!, servers[1]!];
  const eve = await connectV1(door.wsUrl, { room: "lobby", handle: "<i>Eve</i>" });
  const { id } = await eve.say("lobby", "buy <b>this</b>");
  const ben = await connectV1(door.wsUrl, { room: "lobby", handle: "Ben" });
  expected("ok", await ben.request({ type: "report", room: "lobby", id, reason: "spam" }));
  expected("ok", await ben.request({ type: "report", room: "lobby", id }));
  expect(await ben.refusal({ type: "report", room: "lobby", id: "1-1" })).toMatchObject({
    code: "not-found",
  });
  expect(await ben.refusal({ type: "report", room: "attic", id })).toMatchObject({ code: "not-joined" });
  const posted = await fetch(`${desk.url}/api/rooms/lobby/reports`, {
    method: "POST",
    headers: { ...withKey(DESK), "content-type": "application/json" },
    body: JSON.stringify({ id }),
  });
  expect(posted.status).toBe(201);

  const keys = (await redis.cli("KEYS", "*{lobby}:log")).split("\n");
  expect(keys).toHaveLength(1);
  await redis.cli("XTRIM", keys[0] ?? "", "MAXLEN", "0");
  const what = { room: "lobby", message: id, handle: "<i>Eve</i>", text: "buy <b>this</b>" };
  const seen = await reportsOn(desk);
  expect(seen).toMatchObject([
    { ...what, by: { user: "p-desk", kind: "program" } },
    { ...what, by: { handle: "Ben", kind: "guest" }, reason: "spam" },
  ]);
  for (const report of seen) {
    const url = `${desk.url}/api/reports/${report["id"]}`;
    expect((await fetch(url, { method: "DELETE", headers: withKey(DESK) })).status).toBe(204);
  }
  expect(await reportsOn(door)).toEqual([]);
  const events = () =>
    [...door.output(), ...desk.output()].filter((line) => line.includes('"event":"report'));
  await waitFor(() => events().length === 4, "each act is a line in the log");
  expect(events().join("\n")).not.toMatch(/buy|spam/);
});

it("a user who is shut out on another process reports nothing from then on", async () => {
  const { servers } = await startFleet(2, { env: { API_KEYS } });
  const [door, desk] = [servers[0]!, servers[1]!];
  const ben = await connectV1(door.wsUrl, { handle: "Ben" });
  const { head } = await ben.join("lobby");
  expect(head).toBe("0-0");
  const { id } = await ben.say("lobby", "hello");
  const user = (await ben.waitForText("hello")).user;
  const rule = await fetch(`${desk.url}/api/rooms/lobby/access`, {
    method: "POST",
    headers: { ...withKey(DESK), "content-type": "application/json" },
    body: JSON.stringify({ user, right: "none" }),
  });
  expect(rule.status).toBe(200);
  // Whether the process has heard of the rule or not.
  const refused = await ben.refusal({ type: "report", room: "lobby", id });
  expect(["forbidden", "not-joined"]).toContain(refused.code);
  expect(await reportsOn(desk)).toEqual([]);
});
