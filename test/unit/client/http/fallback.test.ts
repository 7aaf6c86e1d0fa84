import { describe, expect, it } from "vitest";
import { ChatClient } from "../../../../src/client/client.ts";
import { openSocketOrHttp } from "../../../../src/client/http/fallback.ts";
import { RETRY_MS } from "../../../../src/client/http/socket-retry.ts";
import type { OpenSocket, SocketListener } from "../../../../src/client/ports.ts";
import { FakeClock } from "../../../kit/fakes/fake-clock.ts";
import { waitFor } from "../../../kit/vitest/wait-for.ts";

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

  closed(code: number, reason: string): void {
    this.words.push(`closed ${code}${reason === "" ? "" : ` ${reason}`}`);
  }
}

/** A network in which a test says what works. */
function network() {
  const clock = new FakeClock();
  const state = {
    sockets: "refused" as "refused" | "ignored" | "open",
    http: true,
    refusal: undefined as Response | undefined,
    loads: 0,
  };
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
    return state.refusal?.clone() ?? new Response(null, { status: 204 });
  };
  const load = () => {
    state.loads += 1;
    return import("../../../../src/client/http-instead.ts");
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
  return { state, clock, opened, asked, open, attempt };
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
    clock.advance(RETRY_MS);
    expect(opened).toHaveLength(4);
    await new Promise(setImmediate);
    expect(told.words).toEqual(["opened"]);
    state.sockets = "open";
    clock.advance(RETRY_MS);
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
    clock.advance(3 * RETRY_MS);
    expect(opened).toHaveLength(3);
    expect(clock.waiting).toBe(0);
  });
});

describe("where the server refuses the page's origin", () => {
  const SENTENCE = "This page's address (https://blog.example) is not allowed by the server.";
  const refusal = () => Response.json({ code: "forbidden", message: SENTENCE }, { status: 403 });

  it("the socket is closed with the server's sentence, and the next one is opened as ever", async () => {
    const { state, opened, asked, attempt } = network();
    state.refusal = refusal();
    expect((await attempt()).told.words).toEqual([`closed 4490 ${SENTENCE}`]);
    expect([asked, opened.length]).toEqual([["/api/origin"], 1]);
    state.sockets = "open";
    expect((await attempt()).told.words).toEqual(["opened"]);
    expect(state.loads).toBe(0);
  });

  it("the client stops, so that it asks no more until a person acts", async () => {
    const net = network();
    net.state.refusal = refusal();
    const client = new ChatClient({
      url: URL_OF_SOCKET,
      openSocket: net.open,
      clock: net.clock,
      random: () => 0.5,
    });
    client.start();
    await waitFor(() => net.asked.length === 1, "the server is asked");
    await new Promise(setImmediate);
    net.clock.advance(20_000);
    expect(client.connection).toEqual({ name: "closed", cause: "origin", reason: SENTENCE });
    net.clock.advance(600_000);
    await new Promise(setImmediate);
    expect([net.opened.length, net.asked.length]).toEqual([1, 1]);
  });

  it.each([
    ["something on the way that answers 403 without JSON", () => new Response("no", { status: 403 })],
    [
      "a server of a version before the question",
      () => Response.json({ code: "not-found" }, { status: 404 }),
    ],
  ])("%s is not taken for that", async (_what, answer) => {
    const { state, attempt } = network();
    state.refusal = answer();
    for (let i = 0; i < 3; i++) expect((await attempt()).told.words).toEqual(["closed 1006"]);
    state.refusal = undefined;
    expect((await attempt()).told.words).toEqual(["opened"]);
    expect(state.loads).toBe(1);
  });
});
