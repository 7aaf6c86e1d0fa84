import { beforeEach, describe, expect, it, vi } from "vitest";
import { guestIdentity } from "../../../../src/chat/identity.ts";
import { type Authorize, Authorizer, type RightsQuestion } from "../../../../src/chat/rights/authorizer.ts";
import { Rights } from "../../../../src/chat/rights/rights.ts";
import type { AccessChange } from "../../../../src/store/access.ts";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";
import { FakeStore } from "../../../kit/fakes/fake-store.ts";
import { RecordingLogger } from "../../../kit/logger.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  return () => vi.useRealTimers();
});

/** An app that answers when the test says so. */
function slowApp() {
  const calls: { readonly question: RightsQuestion; readonly answer: (right: string) => void }[] = [];
  let underWay = 0;
  let most = 0;
  const authorize: Authorize = (question) =>
    new Promise((resolve) => {
      underWay += 1;
      most = Math.max(most, underWay);
      const answer = (right: string) => {
        underWay -= 1;
        resolve(Object.fromEntries(question.rooms.map((room) => [room, right])) as never);
      };
      calls.push({ question, answer });
    });
  return { authorize, calls, most: () => most };
}

const open = (authorize: Authorize) => {
  const logger = new RecordingLogger();
  return { logger, authorizer: new Authorizer(authorize, logger) };
};
const ann = guestIdentity("ann");

/** An access rule that shuts a user out. */
const OUT = (subject: string): AccessChange => ({
  subject,
  right: "none",
  until: undefined,
  by: "m",
  bindsModerators: false,
  reason: undefined,
});

describe("the app that is asked for rights", () => {
  it("is asked once for all rooms that a user enters at once, and once for the same question", async () => {
    const { authorize, calls } = slowApp();
    const { authorizer } = open(authorize);
    const rooms = Array.from({ length: 120 }, (_, i) => `room${i}`);
    const found = [...rooms, "room0"].map((room) => authorizer.find(ann, room, 0).answer);
    await settle();
    expect(calls.map(({ question }) => question.rooms.length)).toEqual([100, 20]);
    expect(calls[0]?.question.identity).toEqual({ user: "ann", handle: "guest-ann", kind: "guest" });
    for (const { answer } of calls) answer("read");
    expect(new Set((await Promise.all(found)).map((each) => each.ok && each.value))).toEqual(
      new Set(["read"]),
    );
    void authorizer.find(ann, "room0", 0).answer;
    await settle();
    expect(calls).toHaveLength(3);
  });

  it("has 32 calls under way at most; what waits is not charged for it", async () => {
    const { authorize, calls, most } = slowApp();
    const { authorizer } = open(authorize);
    const found = Array.from(
      { length: 100 },
      (_, i) => authorizer.find(guestIdentity(`user${i}`), "lobby", 0).answer,
    );
    for (let round = 0; round < 4; round += 1) {
      await settle();
      await vi.advanceTimersByTimeAsync(1_900);
      for (const { answer } of calls) answer("write");
    }
    const answers = await Promise.all(found);
    expect(answers.every((each) => each.ok && each.value === "write")).toBe(true);
    expect([calls.length, most()]).toEqual([100, 32]);
  });

  it("answers `unavailable` after 2 s, and the call still counts as under way", async () => {
    const { authorize, calls } = slowApp();
    const { authorizer } = open(authorize);
    const found = Array.from(
      { length: 32 },
      (_, i) => authorizer.find(guestIdentity(`user${i}`), "lobby", 0).answer,
    );
    await settle();
    await vi.advanceTimersByTimeAsync(2_000);
    for (const each of await Promise.all(found))
      expect(each).toMatchObject({
        ok: false,
        error: { code: "unavailable", retryAfterMs: expect.any(Number) },
      });
    const next = authorizer.find(ann, "lobby", 0).answer;
    await settle();
    expect(calls).toHaveLength(32);
    calls[0]?.answer("write");
    await settle();
    calls[32]?.answer("write");
    expect(await next).toEqual({ ok: true, value: "write" });
  });

  it("is not asked what waited for 8 s, nor more questions than may wait", async () => {
    const { authorize, calls } = slowApp();
    const authorizer = new Authorizer(authorize, new RecordingLogger(), 50);
    const found = Array.from(
      { length: 32 },
      (_, i) => authorizer.find(guestIdentity(`first${i}`), "lobby", 0).answer,
    );
    await settle();
    found.push(
      ...Array.from({ length: 60 }, (_, i) => authorizer.find(guestIdentity(`user${i}`), "lobby", 0).answer),
    );
    const late = await Promise.all(found.slice(32 + 50));
    for (const each of late) expect(each).toMatchObject({ ok: false, error: { code: "unavailable" } });
    await settle();
    await vi.advanceTimersByTimeAsync(8_001);
    const answers = await Promise.all(found);
    calls[0]?.answer("write");
    await settle();
    expect([late.length, calls.length]).toEqual([10, 32]);
    expect(answers.filter((each) => each.ok)).toEqual([]);
    const again = authorizer.find(ann, "lobby", 0).answer;
    await settle();
    calls[32]?.answer("write");
    expect(await again).toEqual({ ok: true, value: "write" });
  });

  it.each([
    ["throws", () => Promise.reject(new Error("the app's own")), "none"],
    ["answers what is no right", () => ({ lobby: "admin" }) as never, "none"],
    ["answers nothing", () => undefined as never, undefined],
    ["names other rooms", () => ({ attic: "write" as const }), undefined],
  ])("where it %s", async (_what, authorize: Authorize, right) => {
    const { logger, authorizer } = open(authorize);
    expect(await authorizer.find(ann, "lobby", 0).answer).toEqual({ ok: true, value: right });
    expect(logger.lines.length).toBe(right === "none" ? 1 : 0);
  });
});

describe("a client of a chat whose app decides", () => {
  it("enters, reads and writes as the app says, on every way", async () => {
    const rights: Record<string, "none" | "read" | "write"> = {
      board: "read",
      lobby: "write",
      secret: "none",
    };
    const { chat } = openChat({}, undefined, undefined, () => rights);
    const client = await FakeClient.greeted(chat);
    expect(await client.ask({ type: "join", room: "secret" })).toMatchObject({ code: "forbidden" });
    expect(await client.ask({ type: "join", room: "board" })).toMatchObject({ right: "read" });
    const say = (room: string) => client.ask({ type: "message", room, key: "k", text: "hi" });
    expect(await say("board")).toMatchObject({ code: "forbidden" });
    expect(await client.ask({ type: "join", room: "lobby" })).toMatchObject({ right: "write" });
    expect(await say("lobby")).toMatchObject({ type: "ack" });
    rights["lobby"] = "none";
    await client.ask({ type: "hello" });
    expect(client.connection.framesOf("left")).toMatchObject([{ room: "lobby" }]);
    expect(await say("lobby")).toMatchObject({ code: "not-joined" });
  });

  it("is told to try again while the app does not answer, and waits in no other room for it", async () => {
    const { chat } = openChat({}, undefined, undefined, ({ rooms }) =>
      rooms.includes("slow") ? new Promise(() => undefined) : { lobby: "write" },
    );
    const client = await FakeClient.greeted(chat);
    const ref = client.request({ type: "join", room: "slow" });
    await settle();
    expect(await client.ask({ type: "join", room: "lobby" })).toMatchObject({ type: "joined" });
    await vi.advanceTimersByTimeAsync(2_000);
    await settle();
    expect(client.answer(ref)).toMatchObject({ code: "unavailable", retryable: true });
  });
});

describe("a recheck while the app is being asked", () => {
  it("also concerns a user who is on the way in with an answer from before it", async () => {
    const { authorize, calls } = slowApp();
    const store = new FakeStore();
    const { chat } = openChat({}, store, undefined, authorize);
    // Somebody else, so that the room is open here.
    const ben = await FakeClient.greeted(chat);
    const joining = ben.ask({ type: "join", room: "lobby" });
    await settle();
    calls[0]?.answer("write");
    await joining;
    const ann = await FakeClient.greeted(chat);
    void ann.ask({ type: "join", room: "lobby" });
    await settle();
    const change = {
      subject: ann.guest,
      right: undefined,
      until: undefined,
      by: "p",
      bindsModerators: false,
      reason: undefined,
    };
    await store.changeAccess("lobby", { ...change, recheck: true });
    calls[1]?.answer("write");
    await settle();
    expect(ann.connection.framesOf("joined")).toMatchObject([{ right: "write" }]);
    calls[2]?.answer("none");
    await settle();
    expect(ann.connection.framesOf("left")).toMatchObject([{ room: "lobby" }]);
  });

  it("shuts out nobody of whom the app was not asked because too many were to be asked for", async () => {
    const { authorize, calls } = slowApp();
    const rights = new Rights(
      { guests: "write", privateRooms: [] },
      new FakeStore(),
      { recheckedAt: () => 0 },
      new Authorizer(authorize, new RecordingLogger(), 1),
    );
    // 32 calls under way, and one that waits.
    const others = Array.from({ length: 33 }, (_, n) => rights.ask(guestIdentity(`g${n}`), "lobby"));
    await settle();
    let found: unknown;
    void rights.recheck(guestIdentity("gann"), "lobby").then((grant) => {
      found = grant;
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(found).toBeUndefined();
    for (const call of calls) call.answer("write");
    await settle();
    for (const call of calls) call.answer("write");
    await Promise.all(others);
    await vi.advanceTimersByTimeAsync(6_000);
    await settle();
    calls.at(-1)?.answer("read");
    await settle();
    expect(found).toMatchObject({ right: "read" });
  });
});

describe("a user whom the app granted a right lately", () => {
  async function returning(authorize: Authorize) {
    const store = new FakeStore();
    const { chat } = openChat({}, store, undefined, authorize);
    const client = await FakeClient.greeted(chat);
    store.granted.set(`lobby ${client.guest}`, { right: "write", at: 1 });
    const joined = await client.ask({ type: "join", room: "lobby" });
    return { chat, store, client, joined };
  }

  it("is let in before the app answers, and follows its answer", async () => {
    const { authorize, calls } = slowApp();
    const { client, joined } = await returning(authorize);
    expect(joined).toMatchObject({ type: "joined", right: "write" });
    calls[0]?.answer("read");
    await settle();
    expect(client.connection.framesOf("right")).toEqual([{ type: "right", room: "lobby", right: "read" }]);
  });

  it("has to leave if the app says so", async () => {
    const { authorize, calls } = slowApp();
    const { client, joined } = await returning(authorize);
    expect(joined).toMatchObject({ type: "joined" });
    calls[0]?.answer("none");
    await settle();
    expect(client.connection.framesOf("left")).toMatchObject([{ room: "lobby" }]);
  });

  it("stays while the app does not answer", async () => {
    const { client, joined } = await returning(() => new Promise(() => undefined));
    expect(joined).toMatchObject({ type: "joined" });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await client.ask({ type: "message", room: "lobby", key: "k", text: "hi" })).toMatchObject({
      type: "ack",
    });
  });

  it("is asked for anew by a recheck, after which the answer from before it does not count", async () => {
    const { authorize, calls } = slowApp();
    const { store, client, joined } = await returning(authorize);
    expect(joined).toMatchObject({ type: "joined", right: "write" });
    await store.changeAccess("lobby", { ...OUT(client.guest), right: undefined, recheck: true });
    await settle();
    expect(calls).toHaveLength(2);
    calls[1]?.answer("read");
    await settle();
    calls[0]?.answer("write");
    await settle();
    expect(client.connection.framesOf("right")).toEqual([{ type: "right", room: "lobby", right: "read" }]);
  });

  it("is not let in against an access rule", async () => {
    const store = new FakeStore();
    const { chat } = openChat({}, store, undefined, () => new Promise(() => undefined));
    const client = await FakeClient.greeted(chat);
    store.granted.set(`lobby ${client.guest}`, { right: "write", at: 1 });
    await store.changeAccess("lobby", OUT(client.guest));
    expect(await client.ask({ type: "join", room: "lobby" })).toMatchObject({ code: "forbidden" });
  });

  it("is remembered while in the room", async () => {
    const { store, client } = await returning(() => ({ lobby: "write" }));
    store.granted.clear();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(store.granted.get(`lobby ${client.guest}`)).toMatchObject({ right: "write" });
  });

  it("is not remembered for longer by a process that has not heard yet that the app is to be asked again", async () => {
    const { authorize } = slowApp();
    const { store, client } = await returning(authorize);
    store.granted.clear();
    await vi.advanceTimersByTimeAsync(100_000);
    // As old as what it was let in with, so that a recheck meanwhile counts.
    expect(store.granted).toEqual(new Map([[`lobby ${client.guest}`, { right: "write", at: 1 }]]));
  });
});

describe("a recheck", () => {
  it.each([
    ["the user", (guest: string) => guest],
    ["everybody", () => "*"],
  ])("of %s asks the app again, and follows its answer", async (_whom, subjectOf) => {
    let right: "write" | "none" = "write";
    const { chat, log: store } = openChat({}, undefined, undefined, () => ({ lobby: right }));
    const client = await FakeClient.in(chat, "lobby");
    right = "none";
    await store.changeAccess("lobby", { ...OUT(subjectOf(client.guest)), right: undefined, recheck: true });
    await settle();
    expect(client.connection.framesOf("left")).toMatchObject([{ room: "lobby" }]);
    expect(await client.ask({ type: "join", room: "lobby" })).toMatchObject({ code: "forbidden" });
  });

  it("shuts out where the app does not answer, and nobody else", async () => {
    let isDown = false;
    const { chat, log: store } = openChat({}, undefined, undefined, () =>
      isDown ? new Promise(() => undefined) : { lobby: "write" },
    );
    const [client, other] = [await FakeClient.in(chat, "lobby"), await FakeClient.in(chat, "lobby")];
    isDown = true;
    await store.changeAccess("lobby", { ...OUT(client.guest), right: undefined, recheck: true });
    await settle();
    await vi.advanceTimersByTimeAsync(2_000);
    await settle();
    expect(client.connection.framesOf("left")).toMatchObject([{ room: "lobby" }]);
    expect(other.connection.framesOf("left")).toEqual([]);
  });
});
