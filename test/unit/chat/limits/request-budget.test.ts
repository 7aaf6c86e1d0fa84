import { beforeEach, describe, expect, it, vi } from "vitest";
import { COST, RequestBudgets } from "../../../../src/chat/limits/request-budget.ts";
import { REQUESTS } from "../../../../src/chat/session/v1/requests.ts";
import { SETTINGS } from "../../../../src/settings/table.ts";
import type { CloseReason } from "../../../../src/transport/connection-registry.ts";
import { Intake } from "../../../../src/transport/websocket/intake.ts";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";
import { FakeConnection } from "../../../kit/fakes/fake-connection.ts";

const DEFAULTS = {
  requestsPerSecond: SETTINGS.requestsPerSecond.default,
  addressRequestsPerSecond: SETTINGS.addressRequestsPerSecond.default,
  maxRoomsPerConnection: SETTINGS.maxRoomsPerConnection.default,
  programFactor: SETTINGS.programFactor.default,
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

/** A v1 client whose frames come by an intake, as those of a socket do. */
class Sender {
  readonly client: FakeClient;
  isPaused = false;
  pauses = 0;
  readonly #source;
  readonly #unsent: object[] = [];
  readonly #intake: Intake;

  constructor(chat: ReturnType<typeof openChat>["chat"], intake: Intake, network = "192.0.2.1") {
    this.client = new FakeClient(chat, undefined, new FakeConnection(undefined, network));
    this.#intake = intake;
    const sender = this;
    const { connection } = this.client;
    this.#source = {
      connection: {
        get ending(): CloseReason | undefined {
          return connection.closedWith;
        },
        pause() {
          sender.isPaused = true;
          sender.pauses += 1;
        },
        resume() {
          sender.isPaused = false;
          sender.#sendUnsent();
        },
        close: (code: number, reason: string) => connection.close(code, reason),
      },
      session: this.client.session,
      inARow: 0,
    };
  }

  send(...frames: readonly (object | string)[]): void {
    for (const frame of frames) {
      const text = typeof frame === "string" ? frame : JSON.stringify(frame);
      this.#intake.take(this.#source, Buffer.from(text), false);
    }
  }

  /** Sends as a machine does whose peer does not read: what is not read waits here. */
  stream(...frames: readonly object[]): void {
    this.#unsent.push(...frames);
    this.#sendUnsent();
  }

  get unsent(): number {
    return this.#unsent.length;
  }

  #sendUnsent(): void {
    while (!this.isPaused && this.closedWith === undefined) {
      const next = this.#unsent.shift();
      if (next === undefined) return;
      this.send(next);
    }
  }

  refs(type: string): unknown[] {
    return this.client.connection.framesOf(type).map(({ ref }) => ref);
  }

  get closedWith() {
    return this.client.connection.closedWith;
  }
}

function openIntake(limits: Partial<typeof DEFAULTS> = {}) {
  const { chat, log: store } = openChat({ ...DEFAULTS, ...limits });
  const intake = new Intake(chat.counters);
  return { chat, log: store, intake, sender: (network?: string) => new Sender(chat, intake, network) };
}

function pings(count: number, from = 0): object[] {
  return Array.from({ length: count }, (_, n) => ({ type: "ping", ref: from + n }));
}

const HELLO = { type: "hello", ref: 0 };

describe("a connection that sends more than it may", () => {
  it("is not read any further, and is answered everything in the order sent", async () => {
    const { chat, sender } = openIntake({ requestsPerSecond: 1, maxRoomsPerConnection: 1 });
    const flooder = sender();
    flooder.send(HELLO, { type: "join", ref: 1, room: "lobby" });
    await settle();
    flooder.send(...pings(200, 2), { type: "message", ref: 900, room: "lobby", key: "k", text: "not lost" });
    await settle();
    expect(flooder.isPaused).toBe(true);
    expect(flooder.refs("pong").length).toBeLessThan(100);
    expect(chat.counters.limited.get("requests")).toBe(1);
    for (let second = 0; second < 20; second += 1) await vi.advanceTimersByTimeAsync(1_000);
    await settle();
    expect(flooder.refs("pong")).toEqual(pings(200, 2).map((ping) => Reflect.get(ping, "ref")));
    expect(flooder.refs("ack")).toEqual([900]);
    expect(flooder.isPaused).toBe(false);
    expect(flooder.closedWith).toBeUndefined();
  });

  it.each([
    ["pings", (n: number) => ({ type: "ping", ref: n })],
    ["frames of an unknown type", (n: number) => ({ type: "shout", ref: n })],
    ["frames that are no JSON", () => "{"],
    ["messages", (n: number) => ({ type: "message", ref: n, room: "lobby", key: `k${n}`, text: "t" })],
    ["typing", () => ({ type: "typing", room: "lobby", on: true })],
    ["new handles", (n: number) => ({ type: "hello", ref: n, handle: `Ann ${n}` })],
    ["history", (n: number) => ({ type: "history", ref: n, room: "lobby" })],
    ["joins", (n: number) => ({ type: "join", ref: n, room: "lobby" })],
  ])("is throttled whatever it sends: %s", async (_case, frame) => {
    const { sender } = openIntake();
    const flooder = sender();
    flooder.send(HELLO, { type: "join", ref: 1, room: "lobby" });
    await settle();
    for (let n = 2; n < 6_000 && !flooder.isPaused && flooder.closedWith === undefined; n += 1) {
      flooder.send(frame(n));
      if (n % 100 === 0) await settle(2);
    }
    expect(flooder.isPaused || flooder.closedWith !== undefined).toBe(true);
  });

  it("pays for what it is answered", async () => {
    const { log: store, sender } = openIntake();
    store.fill("lobby", 60, "x".repeat(6_000));
    const client = sender();
    client.send(HELLO, { type: "join", ref: 1, room: "lobby", limit: 0 });
    await settle();
    let asked = 0;
    for (; !client.isPaused && asked < 100; asked += 1) {
      client.send({ type: "history", ref: asked, room: "lobby", limit: 200 });
      await settle();
    }
    expect(asked).toBeLessThan(30);
  });

  it("pays for a new handle in each room that learns of it", async () => {
    const { sender } = openIntake();
    const client = sender();
    client.send(
      HELLO,
      ...Array.from({ length: 40 }, (_, n) => ({ type: "join", ref: n, room: `room-${n}` })),
    );
    await settle(100);
    let renames = 0;
    for (; !client.isPaused && renames < 50; renames += 1) {
      client.send({ type: "hello", ref: renames, handle: `Ann ${renames}` });
      await settle();
    }
    expect(renames).toBeLessThan(10);
  });

  it("is closed with 4429 if it goes on for 30 s, and not before", async () => {
    const { sender } = openIntake();
    const flooder = sender();
    flooder.send(HELLO);
    await settle();
    const flood = async (seconds: number) => {
      for (let ms = 0; ms < seconds * 1_000; ms += 50) {
        if (flooder.unsent < 500) flooder.stream(...pings(1_000));
        await vi.advanceTimersByTimeAsync(50);
        await settle(3);
      }
    };
    await flood(29);
    expect(flooder.closedWith).toBeUndefined();
    await flood(10);
    expect(flooder.closedWith).toEqual({ code: 4429, reason: "10000" });
    // The burst, at most twice, and the rate.
    expect(flooder.refs("pong").length).toBeLessThan(2 * 5_000 + 40 * 1_000);
  });

  it("is closed with 4429 if it has sent more in advance than any client needs", async () => {
    const { sender } = openIntake({ requestsPerSecond: 1, maxRoomsPerConnection: 1 });
    const flooder = sender();
    flooder.send(HELLO, ...pings(1_200));
    expect(flooder.closedWith?.code).toBe(4429);
  });
});

describe("frames that came in one piece", () => {
  it("are passed a few in a row, in their order, and the next ticks bring the others", async () => {
    const { sender } = openIntake();
    const program = sender();
    program.send(HELLO);
    await settle();
    program.send(...pings(500));
    expect(program.refs("pong").length).toBeLessThan(60);
    expect(program.isPaused).toBe(true);
    await settle();
    expect(program.refs("pong")).toEqual(pings(500).map((ping) => Reflect.get(ping, "ref")));
    expect(program.isPaused).toBe(false);
  });
});

describe("connections of one address", () => {
  it("share a budget, in which each has its turn, and others have theirs", async () => {
    const { sender } = openIntake({ addressRequestsPerSecond: 50 });
    const flooders = Array.from({ length: 20 }, () => sender("192.0.2.66"));
    for (const flooder of flooders) flooder.send(HELLO, ...pings(900));
    const other = sender("192.0.2.1");
    other.send(HELLO, ...pings(100));
    await settle();
    expect(other.refs("pong")).toHaveLength(100);
    expect(flooders.some(({ isPaused }) => isPaused)).toBe(true);
    const before = flooders.map((flooder) => flooder.refs("pong").length);
    await vi.advanceTimersByTimeAsync(2_000);
    await settle();
    const gained = flooders.map((flooder, n) => flooder.refs("pong").length - (before[n] ?? 0));
    const held = gained.filter((count) => count > 0);
    expect(held.length).toBeGreaterThan(10);
    expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(held.length);
  });

  it("are not delayed for long by others of it that flood", async () => {
    const { sender } = openIntake();
    const flooders = Array.from({ length: 12 }, () => sender("192.0.2.66"));
    const honest = sender("192.0.2.66");
    for (const client of [...flooders, honest]) {
      client.stream(HELLO, { type: "join", ref: 1, room: "lobby" });
      await settle();
    }
    for (let n = 0; n < 100; n += 1) {
      for (const flooder of flooders) {
        while (flooder.unsent < 500 && flooder.closedWith === undefined) {
          flooder.stream({ type: "history", ref: 2, room: "lobby", limit: 1 }, ...pings(4));
        }
      }
      // Every half a second one ping, answered within a tenth.
      if (n % 5 === 0) honest.stream({ type: "ping", ref: n });
      await vi.advanceTimersByTimeAsync(100);
      expect(honest.refs("pong")).toHaveLength(Math.floor(n / 5) + 1);
    }
    expect(flooders.some(({ pauses }) => pauses > 0)).toBe(true);
  });

  it("leave nothing behind", async () => {
    const budgets = new RequestBudgets(DEFAULTS);
    const first = budgets.of("192.0.2.1");
    const second = budgets.of("192.0.2.1");
    first.spend(1e6);
    first.close();
    budgets.sweep();
    expect(second.isEmpty).toBe(true);
    second.close();
    second.close();
    budgets.sweep();
    expect(budgets.of("192.0.2.1").isEmpty).toBe(true);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(budgets.of("192.0.2.1").isEmpty).toBe(false);
  });
});

describe("requests of one user from many addresses", () => {
  const LIMITS = { ...DEFAULTS, addressRequestsPerSecond: 5 };
  const ANN = { user: "s-ann", kind: "site" } as const;
  const BOT = { user: "p-bot", kind: "program" } as const;
  /** As many as an address may send at once. */
  const BURST = 4 * LIMITS.addressRequestsPerSecond;

  function connectionsOf(budgets: RequestBudgets, user: Parameters<RequestBudgets["signIn"]>[1]) {
    return Array.from({ length: 10 }, (_, n) => {
      const budget = budgets.of(`192.0.2.${n}`);
      budgets.signIn(budget, user);
      return budget;
    });
  }

  it("are read no further, on all connections, when the user has sent as much as an address may", () => {
    const budgets = new RequestBudgets(LIMITS);
    const ann = connectionsOf(budgets, ANN);
    const [ben] = connectionsOf(budgets, { user: "s-ben", kind: "site" });
    for (const budget of ann) budget.spend((BURST * COST.request) / ann.length);
    expect(ann.every(({ isEmpty }) => isEmpty)).toBe(true);
    expect(ann.some(({ isOwnEmpty }) => isOwnEmpty)).toBe(false);
    expect(ben?.isEmpty).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(ann.some(({ isEmpty }) => isEmpty)).toBe(false);
  });

  it("are not counted for guests, whose ids cost nothing", () => {
    const budgets = new RequestBudgets(LIMITS);
    const guests = connectionsOf(budgets, { user: "g-1", kind: "guest" });
    for (const budget of guests) budget.spend((BURST * COST.request) / guests.length);
    expect(guests.some(({ isEmpty }) => isEmpty)).toBe(false);
    for (let n = 0; n < 10 * BURST; n += 1)
      expect(budgets.spendOfUser({ user: "g-1", kind: "guest" }, COST.request)).toBe(0);
  });

  it("wait over HTTP, and are rejected when they would wait too long; a program may send more", () => {
    const budgets = new RequestBudgets(LIMITS);
    const waits = (user: typeof ANN | typeof BOT, count: number) =>
      Array.from({ length: count }, () => budgets.spendOfUser(user, COST.request));
    expect(waits(ANN, BURST)).toEqual(Array(BURST).fill(0));
    expect(waits(ANN, 20)).toContain(undefined);
    expect(waits(BOT, LIMITS.programFactor * BURST)).not.toContain(undefined);
    expect(waits(BOT, LIMITS.programFactor * 20)).toContain(undefined);
  });

  it("are forgotten when the user is gone and the budget is full", () => {
    const budgets = new RequestBudgets(LIMITS);
    const ann = connectionsOf(budgets, ANN);
    for (const budget of ann) budget.spend(COST.request);
    for (const budget of ann) budget.close();
    const late = budgets.of("192.0.2.1");
    late.close();
    budgets.signIn(late, ANN);
    vi.advanceTimersByTime(60_000);
    budgets.sweep();
    expect(budgets.size).toBe(0);
  });
});

describe("by default no client meets a limit that", () => {
  it("returns to 50 rooms at once and asks each for its history", async () => {
    const { chat, sender } = openIntake();
    const client = sender();
    const rooms = Array.from({ length: 50 }, (_, n) => `room-${n}`);
    client.send(HELLO);
    client.send(...rooms.map((room, n) => ({ type: "join", ref: n, room })));
    await settle(100);
    client.send(...rooms.map((room, n) => ({ type: "history", ref: n, room })));
    await settle(100);
    expect(chat.counters.limited.get("requests")).toBeUndefined();
    expect(client.refs("history")).toHaveLength(50);
  });

  it("is one of 500 guests of an office who return to two rooms at once and then talk", () => {
    const budgets = new RequestBudgets(DEFAULTS);
    const office = Array.from({ length: 500 }, () => budgets.of("192.0.2.1"));
    const frame = (cost: number) => cost + 1;
    for (const guest of office) {
      guest.spend(frame(REQUESTS.hello.cost));
      for (let room = 0; room < 2; room += 1) guest.spend(frame(REQUESTS.join.cost));
    }
    expect(office.filter(({ isEmpty }) => isEmpty)).toEqual([]);
    for (let second = 0; second < 60; second += 1) {
      vi.advanceTimersByTime(1_000);
      // 50 messages per second, and a pong of everybody.
      for (const guest of office.slice(0, 50)) guest.spend(frame(REQUESTS.message.cost));
      for (const guest of office) guest.spend(frame(REQUESTS.pong.cost));
      expect(office.filter(({ isEmpty }) => isEmpty)).toEqual([]);
    }
  });

  it("is one of 500 guests of an office who return to 50 rooms at once, and waits some seconds", () => {
    const budgets = new RequestBudgets(DEFAULTS);
    const office = Array.from({ length: 500 }, () => budgets.of("192.0.2.1"));
    for (const guest of office) {
      guest.spend(REQUESTS.hello.cost + 1);
      for (let room = 0; room < 50; room += 1) guest.spend(REQUESTS.join.cost + 1);
    }
    // Less than the 30 s after which the client library gives a connection up.
    vi.advanceTimersByTime(10_000);
    expect(office.filter(({ isEmpty }) => isEmpty)).toEqual([]);
  });

  it("sends as fast as a program can, where both limits are 0", async () => {
    const { chat, sender } = openIntake({ requestsPerSecond: 0, addressRequestsPerSecond: 0 });
    const program = sender();
    program.send(HELLO);
    await settle();
    program.send(...pings(50_000));
    await settle();
    expect(program.refs("pong")).toEqual(pings(50_000).map((ping) => Reflect.get(ping, "ref")));
    expect(chat.counters.limited.get("requests")).toBeUndefined();
    expect(program.closedWith).toBeUndefined();
  });
});
