import { describe, expect, it } from "vitest";
import type { ChatClientOptions } from "../../../src/client/client.ts";
import type { TokenStore } from "../../../src/client/ports.ts";
import { newClient, welcome } from "../../kit/clients/connected-client.ts";
import type { FakeClock } from "../../kit/fakes/fake-clock.ts";
import type { FakeSocket } from "../../kit/fakes/fake-socket.ts";

/** Lets promises settle that wait for nothing else. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

/** Lets time pass in steps, so that what is asked meanwhile can be answered. */
async function pass(clock: FakeClock, ms: number, step = 50): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    clock.advance(step);
    await settle();
  }
}

/**
 * A client with a `getToken` that gives one after the other, the last one for ever; `asked` counts its calls.
 */
function signedIn(given: readonly (string | undefined | Error)[], options: Partial<ChatClientOptions> = {}) {
  let asked = 0;
  const getToken = async (): Promise<string | undefined> => {
    const token = given[Math.min(asked, given.length - 1)];
    asked += 1;
    if (token instanceof Error) throw token;
    return token;
  };
  return { ...newClient({ getToken, ...options }), asked: () => asked };
}

function refuse(socket: FakeSocket, code: string, fields: object = {}): void {
  const { ref } = socket.last("hello");
  socket.deliver({ type: "error", ref, code, message: `It is ${code}.`, retryable: false, ...fields });
}

/** Everything each socket was greeted with. */
function tokensSent(sockets: readonly FakeSocket[]): (string | undefined)[] {
  return sockets.flatMap((socket) => socket.all("hello").map(({ token }) => token));
}

/** A client that is live with the token `a.b.1`. */
async function live(
  given: readonly (string | undefined | Error)[],
  options: Partial<ChatClientOptions> = {},
) {
  const made = signedIn(["a.b.1", ...given], options);
  made.client.start();
  await settle();
  made.network.socket.accept();
  welcome(made.network.socket, { id: "s-ann", handle: "Ann" });
  return made;
}

describe("a client with getToken", () => {
  it("asks for the token before it opens a socket, and greets with it", async () => {
    const { client, network, asked } = signedIn(["a.b.1"]);
    client.start();
    expect(client.connection.name).toBe("connecting");
    expect(network.sockets).toHaveLength(0);
    await settle();
    network.socket.accept();
    expect(tokensSent(network.sockets)).toEqual(["a.b.1"]);
    expect(asked()).toBe(1);
  });

  it("asks again before each connection, also before the one that follows a restart", async () => {
    const { clock, network, asked } = await live(["a.b.2", "a.b.3"]);
    network.socket.deliver({ type: "restart", reconnectInMs: 5_000 });
    await pass(clock, 4_100);
    network.socket.accept();
    welcome(network.socket);
    network.socket.end();
    await pass(clock, 2_000);
    network.socket.accept();
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.2", "a.b.3"]);
    expect(asked()).toBe(3);
  });

  it("renews the token on the same connection when it is about to end", async () => {
    const { client, clock, network } = await live(["a.b.2"]);
    network.socket.deliver({ type: "expiring", inMs: 60_000 });
    await settle();
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.2"]);
    welcome(network.socket);
    await pass(clock, 20_000);
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.2"]);
    expect(client.connection.name).toBe("live");
  });

  it("sends no hello with the token it has, asks again with growing pauses, and greets with the next one", async () => {
    const made = await live(["a.b.1", "a.b.1", new Error("offline"), undefined, "a.b.2"]);
    const { clock, network } = made;
    for (let times = 0; times < 1_000; times += 1) network.socket.deliver({ type: "expiring", inMs: 60_000 });
    await settle();
    expect(made.asked()).toBe(2);
    await pass(clock, 500);
    expect(made.asked()).toBe(3);
    await pass(clock, 900);
    expect(made.asked()).toBe(3);
    expect(tokensSent(network.sockets)).toEqual(["a.b.1"]);
    await pass(clock, 10_000);
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.2"]);
  });

  it("is not kept busy by tokens that are about to end as soon as they are given", async () => {
    let given = 1;
    const made = newClient({ getToken: async () => `a.b.${given++}` });
    made.client.start();
    await settle();
    made.network.socket.accept();
    for (let second = 0; second < 600; second += 1) {
      const hellos = made.network.socket.all("hello").length;
      welcome(made.network.socket, { id: "s-ann", handle: "Ann" });
      made.network.socket.deliver({ type: "expiring", inMs: 10_000 });
      await pass(made.clock, 1_000, 250);
      expect(made.network.socket.all("hello").length - hellos).toBeLessThanOrEqual(1);
    }
    expect(made.network.socket.all("hello").length).toBeLessThan(90);
  });

  it.each([
    ["12 s", 12_000, 90],
    ["a minute", 60_000, 25],
  ])("asks in time and seldom for tokens that live for %s", async (_life, inMs, most) => {
    let given = 1;
    const made = newClient({ getToken: async () => `a.b.${given++}` });
    made.client.start();
    await settle();
    made.network.socket.accept();
    let [answered, endsAt] = [0, Number.POSITIVE_INFINITY];
    for (let second = 0; second < 600; second += 1) {
      if (made.network.socket.all("hello").length > answered) {
        answered += 1;
        welcome(made.network.socket, { id: "s-ann", handle: "Ann" });
        made.network.socket.deliver({ type: "expiring", inMs });
        endsAt = made.clock.now() + inMs;
      }
      await pass(made.clock, 1_000, 250);
      expect(made.clock.now()).toBeLessThan(endsAt);
    }
    expect(given).toBeLessThan(most);
  });

  it("asks for another token after 4401, and goes on with it after a pause", async () => {
    const { client, clock, network } = await live(["a.b.2"]);
    network.socket.end(4401, "the token has ended");
    expect(client.connection).toMatchObject({ name: "waiting", cause: "token" });
    expect(network.sockets).toHaveLength(1);
    await pass(clock, 1_000);
    network.socket.accept();
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.2"]);
  });

  it.each([
    ["the same token that has ended", "a.b.1", "the token has ended"],
    ["undefined", undefined, ""],
    ["an empty text", "", ""],
  ])("is signed out, and says so, where it is given %s after 4401", async (_what, given, reason) => {
    const { client, clock, network } = await live([given]);
    network.socket.end(4401, "the token has ended");
    await pass(clock, 600_000, 5_000);
    expect(client.connection).toEqual({ name: "closed", cause: "unauthorized", reason });
    expect(tokensSent(network.sockets)).toEqual(["a.b.1"]);
    expect(network.sockets).toHaveLength(1);
    expect(clock.waiting).toBe(0);
  });

  it("connects again when the person has signed in and the application starts it", async () => {
    const { client, clock, network } = await live([undefined, "a.b.2"]);
    network.socket.end(4401, "the token has ended");
    await pass(clock, 1_000);
    expect(client.connection.name).toBe("closed");
    client.start();
    await settle();
    network.socket.accept();
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.2"]);
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("offline"))],
    [
      "throws",
      () => {
        throw new Error("a fault");
      },
    ],
    ["hangs", () => new Promise<undefined>(() => undefined)],
  ])(
    "waits and tries again with growing pauses where getToken %s, and opens no socket",
    async (_what, getToken) => {
      let asked = 0;
      const counted = () => {
        asked += 1;
        return getToken();
      };
      const { client, clock, network } = newClient({ getToken: counted });
      client.start();
      await pass(clock, 10_100);
      expect(client.connection).toMatchObject({ name: "waiting", cause: "token" });
      await pass(clock, 600_000, 1_000);
      expect(network.sockets).toHaveLength(0);
      expect(asked).toBeGreaterThan(20);
      expect(asked).toBeLessThan(80);
      expect(client.connection.name).not.toBe("closed");
      client.stop();
      await settle();
      expect(clock.waiting).toBe(0);
    },
  );

  it("takes no answer of getToken after it was stopped", async () => {
    const answers: ((token: string) => void)[] = [];
    const getToken = () => new Promise<string>((resolve) => answers.push(resolve));
    const { client, network } = newClient({ getToken });
    client.start();
    client.stop();
    answers[0]?.("a.b.1");
    await settle();
    expect(client.connection.name).toBe("idle");
    expect(network.sockets).toHaveLength(0);
  });

  it("stops where the server accepts none of its tokens, however new they are", async () => {
    let given = 0;
    const { client, clock, network } = newClient({ getToken: async () => `a.b.${given++}` });
    client.start();
    for (let second = 0; second < 60; second += 1) {
      await pass(clock, 1_000, 250);
      if (client.connection.name !== "connecting") continue;
      network.socket.accept();
      refuse(network.socket, "unauthorized");
      network.socket.end(4401, "It is unauthorized.");
    }
    expect(client.connection).toEqual({
      name: "closed",
      cause: "unauthorized",
      reason: "It is unauthorized.",
    });
    expect(tokensSent(network.sockets)).toEqual(["a.b.0", "a.b.1", "a.b.2"]);
  });

  it("says hello on a new connection if another user has signed in", async () => {
    const { client, clock, network } = await live(["a.b.2"]);
    network.socket.deliver({ type: "expiring", inMs: 60_000 });
    await settle();
    refuse(network.socket, "forbidden");
    expect(client.connection.name).toBe("waiting");
    await pass(clock, 1_000);
    network.socket.accept();
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.2", "a.b.2"]);
  });

  it("goes on with the token it has where the next one is refused, and does not send that again", async () => {
    const { client, clock, network } = await live(["a.b.2"]);
    const errors: string[] = [];
    client.on("error", ({ code }) => errors.push(code));
    network.socket.deliver({ type: "expiring", inMs: 60_000 });
    await settle();
    refuse(network.socket, "bad-request");
    expect(errors).toEqual(["bad-request"]);
    network.socket.deliver({ type: "expiring", inMs: 60_000 });
    await pass(clock, 30_000, 1_000);
    expect(client.connection.name).toBe("live");
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.2"]);
  });

  it("says hello again as late as the server says where that is too fast", async () => {
    const { client, clock, network } = await live(["a.b.1"]);
    client.setHandle("Bob");
    refuse(network.socket, "rate-limited", { retryable: true, retryAfterMs: 3_000 });
    clock.advance(2_999);
    expect(network.socket.all("hello")).toHaveLength(2);
    clock.advance(1);
    expect(network.socket.all("hello")).toHaveLength(3);
    expect(client.connection.name).toBe("live");
  });

  it("keeps no token of the site", async () => {
    const kept: string[] = [];
    const tokens: TokenStore = {
      load: () => undefined,
      save: (token) => kept.push(token),
      forget: () => undefined,
    };
    await live([], { tokens });
    expect(kept).toEqual([]);
  });
});

describe("a client that keeps a token of the site", () => {
  /** A store that always has the same token. */
  function store(token: string | undefined): TokenStore & { token: string | undefined } {
    return { token, load: () => kept.token, save: () => undefined, forget: () => undefined };
  }
  let kept: ReturnType<typeof store>;

  function started(token: string | undefined) {
    kept = store(token);
    const made = newClient({ tokens: kept });
    made.client.start();
    made.network.socket.accept();
    return made;
  }

  it("is signed out after 4401, and never a guest", () => {
    const { client, clock, network } = started("a.b.1");
    network.socket.end(4401, "the token has ended");
    clock.advance(600_000);
    expect(client.connection).toEqual({
      name: "closed",
      cause: "unauthorized",
      reason: "the token has ended",
    });
    expect(network.sockets).toHaveLength(1);
    client.start();
    network.socket.accept();
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.1"]);
  });

  it("does not come back as a guest where the token is gone", () => {
    const { client, clock, network } = started("a.b.1");
    welcome(network.socket, { id: "s-ann", handle: "Ann" });
    kept.token = undefined;
    network.socket.end();
    clock.advance(20_000);
    expect(client.connection).toMatchObject({ name: "closed", cause: "unauthorized" });
    kept.token = "a.b.2";
    client.start();
    network.socket.accept();
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.2"]);
  });

  it("sends the token that is kept meanwhile when the one before is about to end, and nothing where it is the same", async () => {
    const { network, clock } = started("a.b.1");
    welcome(network.socket, { id: "s-ann", handle: "Ann" });
    for (let times = 0; times < 100; times += 1) network.socket.deliver({ type: "expiring", inMs: 60_000 });
    await settle();
    expect(tokensSent(network.sockets)).toEqual(["a.b.1"]);
    kept.token = "a.b.2";
    await pass(clock, 1_000);
    expect(tokensSent(network.sockets)).toEqual(["a.b.1", "a.b.2"]);
  });
});

describe("a guest", () => {
  it("whose token no server knows goes on without it, once, also where the store cannot forget it", () => {
    const tokens: TokenStore = { load: () => "g.u1.old", save: () => undefined, forget: () => undefined };
    const { client, clock, network } = newClient({ tokens });
    client.start();
    for (let times = 0; times < 5; times += 1) {
      network.socket.accept();
      network.socket.end(4401, "unknown");
      clock.advance(20_000);
    }
    expect(tokensSent(network.sockets)).toEqual(["g.u1.old", undefined]);
    expect(client.connection).toEqual({ name: "closed", cause: "unauthorized", reason: "unknown" });
  });

  it("that was live stops where the server ends the connection with 4401", () => {
    const { client, clock, network } = newClient();
    client.start();
    network.socket.accept();
    welcome(network.socket);
    network.socket.end(4401, "no more");
    clock.advance(600_000);
    expect(client.connection.name).toBe("closed");
    expect(network.sockets).toHaveLength(1);
  });
});
