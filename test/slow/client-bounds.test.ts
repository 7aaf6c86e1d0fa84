import { describe, expect, it } from "vitest";
import { ChatClient, type ChatClientOptions } from "../../src/client/client.ts";
import type { Random } from "../../src/client/ports.ts";
import { CLOSE, ERRORS } from "../../src/protocol/codes.ts";
import type { ClientFrame } from "../../src/protocol/frames.ts";
import { FakeClock } from "../kit/fakes/fake-clock.ts";
import { entry, goodAnswer, type Peer, type Script, ScriptedServer } from "../kit/fakes/scripted-server.ts";
import { seededRandom } from "../kit/fakes/seeded-random.ts";

const MINUTE = 60_000;
/** Sockets that a client opens within any minute, whatever the server does. */
const SOCKETS_A_MINUTE = 120;
/**
 * Frames that a client sends within any second, besides what a user does: three rooms are joined, read on and
 * written to.
 */
const FRAMES_A_SECOND = 40;
/** And within any minute. */
const FRAMES_A_MINUTE = 500;

/** The largest number of `times` in any window of so many ms. */
function most(times: readonly number[], windowMs: number): number {
  let [largest, first] = [0, 0];
  times.forEach((at, index) => {
    while ((times[first] ?? 0) <= at - windowMs) first += 1;
    largest = Math.max(largest, index - first + 1);
  });
  return largest;
}

function expectBounded(server: ScriptedServer, context: string): void {
  const times = server.acts.map(({ at }) => at);
  expect(most(server.opened, MINUTE), `${context}: sockets`).toBeLessThanOrEqual(SOCKETS_A_MINUTE);
  expect(most(times, 1_000), `${context}: frames per second`).toBeLessThanOrEqual(FRAMES_A_SECOND);
  expect(most(times, MINUTE), `${context}: frames per minute`).toBeLessThanOrEqual(FRAMES_A_MINUTE);
}

const STRANGE_MS = [undefined, null, 0, -1, -1e300, 1, 250, 3_000, 1e9, 1e300, "soon", "0", [], {}];
const CLOSE_CODES = [1000, 1006, 1008, 3000, 4000, 4999, ...Object.values(CLOSE)];
const REASONS = ["", "0", "-1", "500", "1e999", "9".repeat(400), "NaN", "a sentence"];
const ERROR_CODES = [...Object.keys(ERRORS), "of-the-future", ""];

function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[Math.floor(random() * from.length)];
  if (found === undefined && from.length === 0) throw new Error("nothing to pick from");
  return found as T;
}

/** What servers say by themselves, with whatever numbers. */
function notice(random: Random): object {
  const [ms, room] = [pick(random, STRANGE_MS), pick(random, ["lobby", "attic", "cellar", "elsewhere"])];
  return pick(random, [
    { type: "expiring", inMs: ms },
    { type: "restart", reconnectInMs: ms },
    { type: "restart", reconnectInMs: 0 },
    { type: "status", live: true, reason: "" },
    { type: "status", live: false, reason: "", room },
    { type: "status", live: true, reason: "", room },
    { type: "ping" },
    { type: "notice", text: "hello" },
    { type: "presence", room, count: 3, joined: [{ id: "u", handle: "U" }], left: null },
    { type: "typing", room, user: "u", handle: "U", on: true },
    { type: "error", code: pick(random, ERROR_CODES), message: "no", retryable: true, retryAfterMs: ms },
    entry(room, 1_000 + Math.floor(random() * 1_000)),
    { ...goodAnswer({ type: "join", ref: 0, room }), ref: undefined, recovered: false },
    { ...goodAnswer({ type: "join", ref: 0, room, after: "9-0" }), ref: undefined, more: true },
  ]);
}

/**
 * A server that is never twice the same: refuses, closes, floods, answers without a request, or nothing, or
 * well.
 */
function hostile(random: Random): Script {
  const temper = { refuses: random(), closes: random() * 0.5, floods: random(), restarts: random() * 0.3 };
  const answer = (frame: ClientFrame, peer: Peer): void => {
    const ref = "ref" in frame ? frame.ref : undefined;
    const good = goodAnswer(frame);
    if (random() < temper.refuses) {
      const code = pick(random, ERROR_CODES);
      const retryAfterMs = pick(random, STRANGE_MS);
      peer.deliver({ type: "error", ref, code, message: "no", retryable: random() < 0.5, retryAfterMs });
    } else if (random() < 0.1) {
      const type = pick(random, ["ok", "ack", "joined", "history", "pong", "welcome", "unheard-of"]);
      peer.deliver({ ...good, ...goodAnswer({ type: "join", ref: 0, room: "lobby" }), type, ref });
    } else if (good !== undefined && random() < 0.95) {
      peer.deliver({ ...good, ...(random() < 0.3 ? { more: true } : {}) });
    }
  };
  return {
    opening: (peer, accept) => {
      if (random() < temper.closes) peer.close(pick(random, CLOSE_CODES), pick(random, REASONS));
      else accept();
    },
    received: (frame, peer) => {
      answer(frame, peer);
      const flood = random() < temper.floods ? Math.floor(random() ** 2 * 40) : 0;
      for (let count = 0; count < flood; count += 1) peer.deliver(notice(random));
      if (random() < temper.restarts)
        peer.deliver({ type: "restart", reconnectInMs: pick(random, [0, 1, -1]) });
      if (random() < temper.closes) peer.close(pick(random, CLOSE_CODES), pick(random, REASONS));
    },
  };
}

function client(clock: FakeClock, server: ScriptedServer, options: Partial<ChatClientOptions>) {
  const made = new ChatClient({ url: "ws://x/ws", clock, openSocket: server.open, ...options });
  for (const name of ["lobby", "attic", "cellar"]) made.join(name).send("hello");
  made.start();
  return made;
}

/** Lets promises settle that wait for nothing else. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) await Promise.resolve();
}

describe("whatever a server does, what a client opens and sends by itself is bounded", {
  timeout: 120_000,
}, () => {
  it("in 1,500 runs of five minutes with servers of every temper", () => {
    for (let seed = 1; seed <= 1_500; seed += 1) {
      const clock = new FakeClock();
      const random = seededRandom(seed);
      const server = new ScriptedServer(clock, hostile(random));
      const one = client(clock, server, { random, ...(random() < 0.5 ? { handle: "Ann" } : {}) });
      for (let second = 0; second < 300; second += 1) {
        clock.advance(1_000);
        if (random() < 0.2) server.deliver(notice(random));
      }
      expectBounded(server, `seed ${seed}`);
      one.stop();
    }
  });

  it("in 150 runs with a site's tokens, whatever getToken does", async () => {
    for (let seed = 1; seed <= 150; seed += 1) {
      const clock = new FakeClock();
      const random = seededRandom(seed);
      const server = new ScriptedServer(clock, hostile(random));
      const calls: number[] = [];
      let unsettled = 0;
      const getToken = async (): Promise<string | undefined> => {
        calls.push(clock.now());
        const dice = random();
        if (dice < 0.2) throw new Error("offline");
        if (dice < 0.3) {
          unsettled += 1;
          return new Promise(() => undefined);
        }
        return dice < 0.35 ? undefined : `a.b.${Math.floor(random() * 4)}`;
      };
      const one = client(clock, server, { random, getToken });
      const started: number[] = [];
      for (let step = 0; step < 600; step += 1) {
        clock.advance(250);
        await settle();
        if (random() < 0.1) server.deliver(notice(random));
        // A person acts, now and then.
        if (one.connection.name === "closed" && step % 40 === 0) {
          started.push(clock.now());
          one.start();
        }
      }
      expectBounded(server, `seed ${seed}`);
      expect(most(calls, MINUTE), `seed ${seed}: calls of getToken`).toBeLessThanOrEqual(150);
      expect(unsettled).toBeLessThanOrEqual(calls.length);
      const unsigned = server.acts.filter(({ frame }) => frame.type === "hello" && frame.token === undefined);
      expect(unsigned, `seed ${seed}: greeted as a guest`).toEqual([]);
      one.stop();
    }
  });

  it.each([0, 0.999_999])("also where its random numbers are all %d", (constant) => {
    const chance = seededRandom(99);
    const scripts: Script["received"][] = [
      (_frame, peer) => peer.close(1006),
      (frame, peer) => {
        peer.deliver(goodAnswer(frame) ?? {});
        peer.deliver({ type: "restart", reconnectInMs: 0 });
      },
      (frame, peer) => {
        peer.deliver(goodAnswer(frame) ?? {});
        peer.close(4429, "0");
      },
      (frame, peer) => {
        peer.deliver(goodAnswer(frame) ?? {});
        for (let count = 0; count < 50; count += 1) peer.deliver(notice(chance));
      },
    ];
    for (const [index, received] of scripts.entries()) {
      const clock = new FakeClock();
      const server = new ScriptedServer(clock, { received });
      const one = client(clock, server, { random: () => constant });
      clock.advance(5 * MINUTE);
      expectBounded(server, `script ${index}`);
      one.stop();
    }
  });

  it("where each socket is refused while the server that goes away still serves", () => {
    const clock = new FakeClock();
    const server = new ScriptedServer(clock, {
      opening: (peer, accept) => (peer.number % 20 === 1 ? accept() : peer.close(1006)),
      received: (frame, peer) => {
        peer.deliver(goodAnswer(frame) ?? {});
        peer.deliver({ type: "restart", reconnectInMs: 0 });
      },
    });
    client(clock, server, { random: () => 0 });
    clock.advance(5 * MINUTE);
    expectBounded(server, "refused");
  });

  it.each([
    ["it has already", [entry("lobby", 9)]],
    ["is empty", []],
  ])("where each page that it asks for %s, and more are promised", async (_what, messages) => {
    const clock = new FakeClock();
    const server = new ScriptedServer(clock, {
      received: (frame, peer) => {
        const answer = goodAnswer(frame);
        const isPage = frame.type === "history" || (frame.type === "join" && frame.after !== undefined);
        peer.deliver(isPage ? { ...answer, messages, more: true } : { ...answer });
      },
    });
    const one = client(clock, server, { random: seededRandom(4) });
    const [room] = one.rooms;
    clock.advance(1_000);
    server.deliver(entry("lobby", 12));
    for (let step = 0; step < 600; step += 1) {
      clock.advance(100);
      // As a page does that has room for more.
      while (true) {
        const loading = room?.loadOlder();
        clock.advance(50);
        if ((await loading) !== "loaded") break;
      }
    }
    expect(server.times("history").length).toBeLessThan(40);
    expectBounded(server, "no progress");
    one.stop();
  });

  it.each<[string, object]>([
    ["expiring", { type: "expiring", inMs: 0 }],
    ["restart", { type: "restart", reconnectInMs: 0 }],
    ["a restart that is far away", { type: "restart", reconnectInMs: 1e300 }],
    ["status", { type: "status", live: true, reason: "" }],
    ["ping", { type: "ping" }],
    ["a message that does not fit", entry("lobby", 5_000)],
    [
      "a resync",
      { ...goodAnswer({ type: "join", ref: 0, room: "lobby" }), ref: undefined, recovered: false },
    ],
    [
      "a resync with more",
      { ...goodAnswer({ type: "join", ref: 0, room: "lobby", after: "9-0" }), ref: undefined, more: true },
    ],
  ])("by a flood of %s, and by one that answers each of its frames", (_what, flood) => {
    for (const always of [true, false]) {
      const clock = new FakeClock();
      const server = new ScriptedServer(clock, {
        received: (frame, peer) => {
          peer.deliver(goodAnswer(frame) ?? {});
          peer.deliver(flood);
        },
      });
      const one = client(clock, server, { random: seededRandom(3) });
      for (let step = 0; step < 3_000; step += 1) {
        clock.advance(100);
        if (always) for (let count = 0; count < 20; count += 1) server.deliver(flood);
      }
      expectBounded(server, always ? "always" : "as an answer");
      one.stop();
    }
  });
});
