import { describe, expect, it } from "vitest";
import { ChatClient, type ChatClientOptions } from "../../../src/client/client.ts";
import { ERRORS } from "../../../src/protocol/codes.ts";
import type { ClientFrame } from "../../../src/protocol/frames.ts";
import { FakeClock } from "../../kit/fakes/fake-clock.ts";
import { entry, goodAnswer, type Script, ScriptedServer } from "../../kit/fakes/scripted-server.ts";
import { seededRandom } from "../../kit/fakes/seeded-random.ts";

const MINUTE = 60_000;

function connected(received: Script["received"], options: Partial<ChatClientOptions> = {}) {
  const clock = new FakeClock();
  const server = new ScriptedServer(clock, { received });
  const openSocket = server.open;
  const client = new ChatClient({ url: "ws://x/ws", clock, random: seededRandom(7), openSocket, ...options });
  const errors: string[] = [];
  client.on("error", ({ code }) => errors.push(code));
  const room = client.join("lobby");
  client.start();
  return { clock, server, client, room, errors };
}

interface Refusal {
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: unknown;
}

/** Refuses every request of a type in the same way, and answers all others well. */
function refusing(type: ClientFrame["type"], { code, ...fields }: Refusal): Script["received"] {
  return (frame, peer) => {
    const ref = "ref" in frame ? { ref: frame.ref } : {};
    if (frame.type === type)
      peer.deliver({ type: "error", ...ref, code, message: `It is ${code}.`, ...fields });
    else {
      const answer = goodAnswer(frame);
      if (answer !== undefined) peer.deliver(answer);
    }
  };
}

const FINAL = Object.entries(ERRORS)
  .filter(([, { retryable }]) => !retryable)
  .map(([code]): Refusal => ({ code, retryable: false }));
const FOR_NOW = Object.entries(ERRORS)
  .filter(([, { retryable }]) => retryable)
  .flatMap(([code]): Refusal[] =>
    [undefined, 0, -5, 3_000, 1e300, null, "soon", {}].map((retryAfterMs) => ({
      code,
      retryable: true,
      retryAfterMs,
    })),
  );

/** Milliseconds between what came one after the other. */
function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((at, index) => at - (times[index] ?? 0));
}

/** Repeated, but ever more slowly, and never before the server wants it. */
function expectBackoff(times: readonly number[], { retryAfterMs }: Refusal): void {
  expect(times.length).toBeGreaterThan(1);
  expect(times.length).toBeLessThan(120);
  if (typeof retryAfterMs !== "number") return;
  for (const gap of gaps(times)) expect(gap).toBeGreaterThanOrEqual(Math.min(retryAfterMs, 10 * MINUTE));
}

describe("a client does not repeat what is refused for good:", () => {
  it.each(FINAL)("a hello that is $code closes the connection and says why", (refusal) => {
    const { clock, server, client } = connected(refusing("hello", refusal));
    clock.advance(10 * MINUTE);
    expect(server.times("hello")).toHaveLength(1);
    expect(server.opened).toHaveLength(1);
    expect(client.connection).toMatchObject({ name: "closed", reason: `It is ${refusal.code}.` });
  });

  it("a hello with a name is tried once without it, and the application is told each time", () => {
    const told: string[] = [];
    const { clock, server, client } = connected(refusing("hello", { code: "bad-handle", retryable: false }), {
      handle: "system",
    });
    client.on("handle-refused", (sentence) => told.push(sentence));
    clock.advance(10 * MINUTE);
    expect(server.acts.map(({ frame }) => frame.type === "hello" && frame.handle)).toEqual([
      "system",
      undefined,
    ]);
    expect(told).toEqual(["It is bad-handle.", "It is bad-handle."]);
    expect(client.connection).toMatchObject({ name: "closed", cause: "refused" });
    client.setHandle("Ann");
    clock.advance(MINUTE);
    expect(server.acts.map(({ frame }) => frame.type === "hello" && frame.handle)).toEqual([
      "system",
      undefined,
      "Ann",
      undefined,
    ]);
  });

  it.each(FINAL.filter(({ code }) => code !== "unauthorized"))(
    "a new name that is $code leaves the connection as it was, and the application is told",
    (refusal) => {
      let hellos = 0;
      const refused = refusing("hello", refusal);
      const { clock, server, client } = connected((frame, peer) => {
        if (frame.type === "hello") hellos += 1;
        if (frame.type === "hello" && hellos > 1) refused(frame, peer);
        else refusing("pong", refusal)(frame, peer);
      });
      const told: string[] = [];
      client.on("handle-refused", (sentence) => told.push(sentence));
      clock.advance(MINUTE / 6);
      client.setHandle("Bob");
      clock.advance(MINUTE / 6);
      expect(server.times("hello")).toHaveLength(2);
      expect(told).toEqual([`It is ${refusal.code}.`]);
      expect(client.connection.name).toBe("live");
    },
  );

  it.each(FINAL)("a join that is $code refuses the room and says why", (refusal) => {
    const { clock, server, room } = connected(refusing("join", refusal));
    room.send("hello");
    clock.advance(30_000);
    // That a room is not joined is mended by joining it, a few times.
    expect(server.times("join").length).toBe(refusal.code === "not-joined" ? 4 : 1);
    expect([room.state, room.refusal]).toEqual(["refused", `It is ${refusal.code}.`]);
    expect(room.outgoing).toMatchObject([{ state: "failed", error: `It is ${refusal.code}.` }]);
  });

  it.each(FINAL)("a message that is $code fails and says why, and the next one is sent", (refusal) => {
    const { clock, server, room } = connected(refusing("message", refusal));
    room.send("one");
    room.send("two");
    clock.advance(30_000);
    expect(room.outgoing).toMatchObject(
      ["one", "two"].map((text) => ({ text, state: "failed", error: `It is ${refusal.code}.` })),
    );
    // That a room is not joined is mended by joining it, once a message.
    const once = refusal.code === "not-joined" ? 2 : 1;
    expect(server.times("message")).toHaveLength(2 * once);
    expect(server.times("join")).toHaveLength(2 * once - 1);
  });

  it.each(FINAL)(
    "a page of older messages that is $code is not asked for again on that connection",
    async (refusal) => {
      const { clock, server, room } = connected(refusing("history", refusal));
      clock.advance(1_000);
      for (let times = 0; times < 100; times += 1) {
        const outcome = room.loadOlder();
        clock.advance(100);
        expect(await outcome).toBe("refused");
      }
      expect(server.times("history")).toHaveLength(1);
    },
  );

  it.each(FINAL)("a page of what was missed that is $code refuses the room", (refusal) => {
    const refuse = refusing("history", refusal);
    const { clock, server, room } = connected((frame, peer) => {
      const answer = goodAnswer(frame);
      if (frame.type === "join") peer.deliver({ ...answer, more: true });
      else refuse(frame, peer);
    });
    clock.advance(1_000);
    // A hole: the room is joined again, from where it is.
    for (const n of [12, 13, 14]) server.deliver(entry("lobby", n));
    clock.advance(30_000);
    expect(server.times("history").length).toBe(refusal.code === "not-joined" ? 4 : 1);
    expect([room.state, room.refusal]).toEqual(["refused", `It is ${refusal.code}.`]);
  });

  it.each(FINAL)("to leave a room, which is $code, is tried once and told", (refusal) => {
    const { clock, client, server, errors } = connected(refusing("leave", refusal));
    clock.advance(1_000);
    client.leave("lobby");
    clock.advance(30_000);
    expect(server.times("leave")).toHaveLength(1);
    expect(errors).toEqual([refusal.code]);
  });

  it.each(FINAL)("typing that is $code is not told any more on that connection", (refusal) => {
    const { clock, server, room, errors } = connected(refusing("typing", refusal));
    clock.advance(1_000);
    for (let second = 0; second < 20; second += 1) {
      room.typing(true);
      clock.advance(1_000);
    }
    expect(server.times("typing")).toHaveLength(1);
    expect(errors).toEqual([refusal.code]);
  });

  it("a message on which the server closes with 1009 fails and says why", () => {
    const { clock, server, room } = connected((frame, peer) => {
      if (frame.type === "message") peer.close(1009, "too big");
      else refusing("pong", { code: "", retryable: false })(frame, peer);
    });
    room.send("one");
    clock.advance(10 * MINUTE);
    expect(room.outgoing).toMatchObject([{ text: "one", state: "failed", error: "too-big" }]);
    expect(server.times("message")).toHaveLength(1);
    expect(room.state).toBe("current");
  });
});

describe("a client repeats after growing pauses, and as late as the server says, what is refused for now:", () => {
  it.each(FOR_NOW)("a hello: $code, $retryAfterMs", (refusal) => {
    const { clock, server, client } = connected(refusing("hello", refusal));
    clock.advance(25 * MINUTE);
    expectBackoff(server.times("hello").slice(0, 110), refusal);
    expect(client.connection.name).not.toBe("closed");
    expect(server.times("hello").length / 25).toBeLessThan(12);
  });

  it.each(FOR_NOW)("a join: $code, $retryAfterMs", (refusal) => {
    const { clock, server, room } = connected(refusing("join", refusal));
    for (let times = 0; times < 1_500; times += 1) {
      clock.advance(1_000);
      server.deliver({ type: "ping" });
      server.deliver({ type: "status", live: times % 2 === 0, reason: "" });
    }
    expect(room.state).not.toBe("refused");
    const { retryAfterMs } = refusal;
    for (const gap of gaps(server.times("join")))
      if (typeof retryAfterMs === "number")
        expect(gap).toBeGreaterThanOrEqual(Math.min(retryAfterMs, 10 * MINUTE));
    expect(server.times("join").length).toBeGreaterThan(1);
    expect(server.times("join").length / 25).toBeLessThan(30);
  });

  it.each(FOR_NOW)("a message: $code, $retryAfterMs", (refusal) => {
    const { clock, server, room } = connected(refusing("message", refusal));
    room.send("one");
    for (let times = 0; times < 1_500; times += 1) {
      clock.advance(1_000);
      server.deliver({ type: "ping" });
      server.deliver({ type: "status", live: times % 2 === 0, reason: "" });
    }
    const { retryAfterMs } = refusal;
    for (const gap of gaps(server.times("message")))
      if (typeof retryAfterMs === "number")
        expect(gap).toBeGreaterThanOrEqual(Math.min(retryAfterMs, 10 * MINUTE));
    expect(server.times("message").length).toBeGreaterThan(retryAfterMs === 1e300 ? 0 : 1);
    expect(server.times("message").length / 25).toBeLessThan(30);
    // After ten minutes it cannot be found out any more whether it arrived.
    expect(room.outgoing).toMatchObject([{ state: "failed", error: "in-doubt" }]);
  });

  it.each(FOR_NOW)("an older page: $code, $retryAfterMs", async (refusal) => {
    const { clock, server, room } = connected(refusing("history", refusal));
    clock.advance(1_000);
    for (let times = 0; times < 1_000; times += 1) {
      const outcome = room.loadOlder();
      clock.advance(100);
      expect(await outcome).toBe("unavailable");
      server.deliver({ type: "ping" });
    }
    expect(server.times("history").length).toBeLessThan(60);
  });

  it.each(FOR_NOW)("to leave a room: $code, $retryAfterMs; five times, and then it is told", (refusal) => {
    const { clock, client, server, errors } = connected(refusing("leave", refusal));
    clock.advance(1_000);
    client.leave("lobby");
    for (let times = 0; times < 6_000; times += 1) {
      clock.advance(1_000);
      server.deliver({ type: "ping" });
    }
    expect(server.times("leave")).toHaveLength(5);
    expect(errors).toEqual([refusal.code]);
  });

  it.each(["ok", "pong", "ack", "history", "joined", "welcome", "of-the-future"])(
    "what is answered by %s, which is no answer to it",
    (type) => {
      const { clock, server, client } = connected((frame, peer) => {
        const { ref } = { ref: 0, ...frame };
        const answer = goodAnswer({ ...frame, type, room: "lobby", key: "k", ref } as ClientFrame);
        if (frame.type === "hello" || frame.type === "ping") peer.deliver(goodAnswer(frame) ?? {});
        else peer.deliver({ ...answer, type, ref, room: "lobby", messages: [], id: "9-1", key: "k" });
      });
      client.rooms[0]?.send("one");
      for (let times = 0; times < 600; times += 1) {
        clock.advance(1_000);
        server.deliver({ type: "ping" });
      }
      for (const each of ["join", "message", "history"] as const)
        expect(server.times(each).length, each).toBeLessThan(150);
    },
  );
});
