import { describe, expect, it } from "vitest";
import { ChatClient } from "../../src/client/client.ts";
import { compareIds } from "../../src/protocol/ids.ts";
import { FakeClock } from "../kit/fakes/fake-clock.ts";
import { type Faults, ModelServer, NO_FAULTS } from "../kit/fakes/model-server.ts";
import { seededRandom } from "../kit/fakes/seeded-random.ts";

const TROUBLE: Faults = {
  drop: 0.12,
  lostPublish: 0.08,
  unavailable: 0.15,
  rateLimited: 0.1,
  doubleAck: 0.2,
  doubleEcho: 0.2,
  hidden: 0.1,
  joinRefused: 0.1,
  reset: 0,
  refused: 0.04,
  closed: 0.03,
  noise: 0.3,
};

/** Runs one seed: trouble while people write, then quiet until everything is settled. */
function run(seed: number, faults: Faults) {
  const random = seededRandom(seed);
  const clock = new FakeClock();
  const server = new ModelServer(clock, random, faults);
  const client = new ChatClient({ url: "ws://chat.test/ws", clock, random, openSocket: server.open });
  const room = client.join("lobby");
  const keys: string[] = [];
  const violations: string[] = [];
  /** Checked after each event: whatever is on the screen is in order, and nothing is there twice. */
  const look = () => {
    const ids = room.messages.map((message) => message.id);
    const own = room.messages.flatMap((message) => (message.user === "me" ? (message.key ?? []) : []));
    if (new Set(ids).size !== ids.length) violations.push("an id twice");
    if (new Set(own).size !== own.length) violations.push("a send twice");
    if (ids.some((id, index) => index > 0 && compareIds(ids[index - 1] ?? "", id) >= 0)) {
      violations.push("out of order");
    }
  };
  room.on("added", look);
  room.on("reset", look);
  client.start();
  for (let step = 0; step < 40; step += 1) {
    clock.advance(Math.floor(random() * 1_500));
    const dice = random();
    if (dice < 0.4) keys.push(room.send(`mine ${keys.length}`));
    else if (dice < 0.8) server.say(`theirs ${step}`);
  }
  server.faults = NO_FAULTS;
  clock.advance(300_000);
  // A hole after the last message of a quiet room shows with the next one.
  server.say("the last one");
  clock.advance(60_000);
  // Who joined late has the newest page only, and asks for the rest as a person does who scrolls up to a gap.
  for (let page = 0; page < server.log.length; page += 1) {
    const gap = room.messages.find((message) => message.gap === "open")?.id;
    if (gap !== undefined) void room.loadOlder(gap);
    else if (room.hasOlder) void room.loadOlder();
    else break;
    clock.advance(1_000);
  }
  return { client, server, room, keys, violations };
}

/** 10,000 runs in all; they take some seconds, and minutes on a machine that has no time for them. */
const RUNS = 5_000;

describe("a client under faults", { timeout: 300_000 }, () => {
  it("stores every message once and shows the whole log in order, in 5,000 runs", () => {
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const { client, server, room, keys, violations } = run(seed, TROUBLE);
      const context = `seed ${seed}`;
      expect(violations, context).toEqual([]);
      expect(client.connection.name, context).toBe("live");
      expect(room.outgoing, context).toEqual([]);
      expect(
        room.messages.map((message) => message.id),
        context,
      ).toEqual(server.messages.map((message) => message.id));
      expect(
        room.messages.filter((message) => message.gap !== "none"),
        context,
      ).toEqual([]);
      const stored = server.messages.flatMap((message) => (message.user === "me" ? (message.key ?? []) : []));
      expect(stored, context).toEqual(keys);
    }
  });

  it("shows or visibly fails every message where the store is lost as well, in 5,000 runs", () => {
    let resets = 0;
    for (let seed = RUNS + 1; seed <= 2 * RUNS; seed += 1) {
      const { client, server, room, keys, violations } = run(seed, { ...TROUBLE, reset: 0.06 });
      resets += server.resets;
      const context = `seed ${seed}`;
      expect(violations, context).toEqual([]);
      expect(client.connection.name, context).toBe("live");
      expect(
        room.outgoing.every((item) => item.state === "failed" && item.error !== undefined),
        context,
      ).toBe(true);
      // What is shown is in the store as it is now, up to its end; where something is left out, a gap is marked.
      const stored = server.messages.map(({ id }) => id);
      const places = room.messages.map(({ id }) => stored.indexOf(id));
      expect(places.at(-1), context).toBe(stored.length - 1);
      const untold = room.messages.filter(
        ({ gap }, index) => index > 0 && gap === "none" && places[index] !== (places[index - 1] ?? -2) + 1,
      );
      expect(untold, context).toEqual([]);
      const own = server.messages.flatMap((message) => (message.user === "me" ? (message.key ?? []) : []));
      expect(new Set(own).size, context).toBe(own.length);
      expect(keys, context).toEqual(expect.arrayContaining(own));
    }
    expect(resets).toBeGreaterThan(100);
  });
});
