import { describe, expect, it } from "vitest";
import { openSocketOrHttp } from "../../src/client/fallback.ts";
import type { OpenSocket, SocketListener } from "../../src/client/ports.ts";
import { LOOK_AGAIN_MS } from "../../src/client/socket-again.ts";
import { FakeClock } from "../kit/fake-clock.ts";
import { waitFor } from "../kit/wait-for.ts";

const URL_OF_SOCKET = "wss://chat.example/ws";

/** What a client is told. */
class Told implements SocketListener {
  readonly words: string[] = [];

  opened(): void {
    this.words.push("opened");
  }

  received(data: unknown): void {
    this.words.push(String(data));
  }

  closed(code: number): void {
    this.words.push(`closed ${code}`);
  }
}

/** A network in which a test says what works. */
function network() {
  const clock = new FakeClock();
  const state = { sockets: "refused" as "refused" | "ignored" | "open", http: true, loads: 0 };
  const opened: string[] = [];
  const openSocket: OpenSocket = (url, _subprotocol, listener) => {
    opened.push(url);
    if (state.sockets === "refused") queueMicrotask(() => listener.closed(1006, ""));
    if (state.sockets === "open") queueMicrotask(() => listener.opened());
    return { send: () => undefined, close: () => undefined };
  };
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (input) => {
    asked.push(new URL(String(input)).pathname);
    if (!state.http) throw new TypeError("network error");
    return Response.json({});
  };
  const load = () => {
    state.loads += 1;
    return import("../../src/client/http-instead.ts");
  };
  const open = openSocketOrHttp({ openSocket, fetch, clock, load });
  /** One attempt to connect, until it is settled. */
  async function attempt(): Promise<{ told: Told; close: () => void }> {
    const told = new Told();
    const before = asked.length;
    const socket = open(URL_OF_SOCKET, "dynochat.v1", told);
    if (state.sockets === "ignored" && state.loads === 0) socket.close();
    await waitFor(() => told.words.length > 0 || asked.length > before, "the attempt is settled");
    // What was asked has been answered when the next turn begins.
    await new Promise(setImmediate);
    return { told, close: () => socket.close() };
  }
  return { state, clock, opened, asked, attempt };
}

describe("where sockets are blocked", () => {
  it.each([
    [3, "refused"],
    [2, "ignored"],
  ] as const)("HTTP takes over after %d that were %s", async (count, how) => {
    const { state, opened, attempt } = network();
    state.sockets = how;
    for (let i = 0; i < count; i++) {
      await attempt();
      expect(state.loads).toBe(0);
    }
    const { told } = await attempt();
    expect(told.words).toEqual(["opened"]);
    expect([state.loads, opened.length]).toEqual([1, count]);
  });

  it("does not, as long as HTTP does not answer either", async () => {
    const { state, attempt } = network();
    state.http = false;
    for (let i = 0; i < 6; i++) await attempt();
    expect(state.loads).toBe(0);
    state.sockets = "open";
    state.http = true;
    expect((await attempt()).told.words).toEqual(["opened"]);
    expect(state.loads).toBe(0);
  });

  it("counts only failures in a row", async () => {
    const { state, attempt } = network();
    for (const how of ["refused", "refused", "open", "refused", "refused", "open"] as const) {
      state.sockets = how;
      await attempt();
    }
    expect(state.loads).toBe(0);
  });

  it("looks now and then whether they still are, and moves back when they are not", async () => {
    const { state, clock, opened, attempt } = network();
    for (let i = 0; i < 3; i++) await attempt();
    const { told } = await attempt();
    clock.advance(LOOK_AGAIN_MS);
    expect(opened).toHaveLength(4);
    await new Promise(setImmediate);
    expect(told.words).toEqual(["opened"]);
    state.sockets = "open";
    clock.advance(LOOK_AGAIN_MS);
    await waitFor(() => told.words.length === 2, "the client is asked to move");
    // As a server says that goes away: the client opens the next connection first.
    expect(JSON.parse(told.words[1] ?? "")).toEqual({ type: "restart", reconnectInMs: 1_000 });
    const next = await attempt();
    expect(next.told.words).toEqual(["opened"]);
    expect(opened).toHaveLength(6);
    expect(state.loads).toBe(1);
  });

  it("looks no more once it is closed", async () => {
    const { clock, opened, attempt } = network();
    for (let i = 0; i < 3; i++) await attempt();
    const { close } = await attempt();
    close();
    await new Promise(setImmediate);
    clock.advance(3 * LOOK_AGAIN_MS);
    expect(opened).toHaveLength(3);
    expect(clock.waiting).toBe(0);
  });
});
