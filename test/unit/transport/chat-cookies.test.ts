import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Guests } from "../../../src/chat/guests.ts";
import { passesOf } from "../../../src/http/status/operator-cookie.ts";
import { ChatCookies, OTHERS_KEPT } from "../../../src/transport/cookies/chat-cookies.ts";
import { CookieJar } from "../../kit/clients/cookie-jar.ts";
import { MESSAGES, openApi } from "../../kit/servers/api.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

const SECRETS = ["a".repeat(32), "b".repeat(32)] as const;

/** Loads the page, as each visit does, and returns the user id that the chat knows the browser by. */
async function visit(jar: CookieJar, app: FastifyInstance, port: number): Promise<string> {
  await jar.send(app, { url: "/" }, port);
  const answer = await jar.send(app, { method: "POST", url: "/api/session", payload: {} }, port);
  return answer.json().user.id;
}

describe("two chats on one host name", () => {
  it.each([
    ["with secrets of their own", { secret: SECRETS[0] }, { secret: SECRETS[1] }],
    ["without a lasting secret", { secret: undefined }, { secret: undefined }],
    ["one of them without a lasting secret", { secret: SECRETS[0] }, { secret: undefined }],
  ])("%s keep their guests, however often a browser goes from one to the other", async (_how, one, other) => {
    const [first, second] = [await openApi(one), await openApi(other)];
    const jar = new CookieJar();
    const users = [await visit(jar, first, 3000), await visit(jar, second, 3001)];
    for (let i = 0; i < 3; i += 1) {
      expect([await visit(jar, first, 3000), await visit(jar, second, 3001)]).toEqual(users);
    }
    expect(users[0]).not.toBe(users[1]);
  });

  it("with one secret keep the names that a browser gave each of them", async () => {
    const apps = [
      await openApi({ secret: SECRETS[0], redisPrefix: "one:" }),
      await openApi({ secret: SECRETS[0], redisPrefix: "two:" }),
    ];
    const jar = new CookieJar();
    const hello = async (app: FastifyInstance | undefined, payload: object) => {
      if (app === undefined) throw new Error("no app");
      return (await jar.send(app, { method: "POST", url: "/api/session", payload })).json().user.handle;
    };
    await hello(apps[0], { handle: "Ann" });
    await hello(apps[1], { handle: "Bob" });
    expect([await hello(apps[0], {}), await hello(apps[1], {})]).toEqual(["Ann", "Bob"]);
  });

  it("keep their operators signed in, and sign out each by itself", async () => {
    const apps = [
      await openApi({ apiKeys: ["key-of-the-first-chat"] }),
      await openApi({ apiKeys: ["key-of-the-other-chat"] }),
    ] as const;
    const jar = new CookieJar();
    const fleet = async () =>
      [
        await jar.send(apps[0], { url: "/status/fleet" }, 3000),
        await jar.send(apps[1], { url: "/status/fleet" }, 3001),
      ].map(({ statusCode }) => statusCode);
    const signIn = (app: FastifyInstance, key: string, port: number) =>
      jar.send(app, { method: "POST", url: "/status/session", payload: { key } }, port);
    await signIn(apps[0], "key-of-the-first-chat", 3000);
    await signIn(apps[1], "key-of-the-other-chat", 3001);
    expect(await fleet()).toEqual([200, 200]);
    await jar.send(apps[0], { method: "DELETE", url: "/status/session" }, 3000);
    expect(await fleet()).toEqual([401, 200]);
  });
});

describe("the processes of one chat", () => {
  it("know a browser as one guest, at whatever port", async () => {
    const apps = [await openApi({ secret: SECRETS[0] }), await openApi({ secret: SECRETS[0] })] as const;
    const jar = new CookieJar();
    const user = await visit(jar, apps[0], 3000);
    expect([await visit(jar, apps[1], 3001), await visit(jar, apps[0], 3000)]).toEqual([user, user]);
  });

  it("that keep no secret leave no name behind at each start", async () => {
    const jar = new CookieJar();
    for (let i = 0; i < 3; i += 1) await visit(jar, await openApi({ secret: undefined }), 3000);
    expect(jar.names.filter((name) => name.startsWith("dynochat-guest-"))).toHaveLength(1);
  });

  it("set the same cookies with the answer that opens a socket", async () => {
    const app = await openApi({ secret: SECRETS[0] });
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
    afterwards(() => socket.terminate());
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      socket.on("upgrade", resolve).on("error", reject);
    });
    const cookies = answer.headers["set-cookie"]?.map((line) => line.split("=")[0]);
    expect(cookies).toEqual([expect.stringMatching(/^dynochat-guest-/), "dynochat"]);
  });
});

it("a browser keeps its guest and its name while the secret is replaced", async () => {
  const jar = new CookieJar();
  const hello = async (secret: readonly string[]) => {
    const app = await openApi({ secret });
    const post = { method: "POST", url: "/api/session" } as const;
    await jar.send(app, { url: "/" }, 3000);
    return (await jar.send(app, { ...post, payload: {} }, 3000)).json().user;
  };
  const app = await openApi({ secret: [SECRETS[0]] });
  const named = { method: "POST", url: "/api/session", payload: { handle: "Ann" } } as const;
  const { user } = (await jar.send(app, named, 3000)).json();
  expect(user.handle).toBe("Ann");
  expect(await hello([SECRETS[1], SECRETS[0]])).toEqual(user);
  expect(await hello([SECRETS[1]])).toEqual(user);
});

describe("beside processes of the version before", () => {
  const old = new Guests([SECRETS[0]]);

  it("a browser that only they know stays the same guest, and keeps its name", async () => {
    const app = await openApi({ secret: SECRETS[0] });
    const session = JSON.stringify({ user: "gabc", handle: "Ann", site: false });
    const jar = new CookieJar({
      dynochat: old.tokenFor("gabc") ?? "",
      "dynochat-session": old.sign(session) ?? "",
    });
    const answer = await jar.send(app, { method: "POST", url: "/api/session", payload: {} });
    expect(answer.json().user).toEqual({ id: "gabc", handle: "Ann" });
    expect(jar.names).toHaveLength(4);
  });

  it("a browser that they do not know yet is the same guest to them", async () => {
    const app = await openApi({ secret: SECRETS[0] });
    const jar = new CookieJar();
    const user = await visit(jar, app, 3000);
    const token = /(?:^|; )dynochat=([^;]+)/.exec(jar.header)?.[1] ?? "";
    expect(old.recognise(token)).toBe(user);
    const said = await jar.send(app, { method: "POST", url: MESSAGES, payload: { text: "hi" } });
    expect(said.statusCode).toBe(201);
  });

  it("the cookie of another chat under the old name is left alone", async () => {
    const app = await openApi({ secret: SECRETS[1] });
    const token = old.tokenFor("gabc") ?? "";
    const jar = new CookieJar({ dynochat: token });
    const user = await visit(jar, app, 3000);
    expect(user).not.toBe("gabc");
    expect(jar.header).toContain(`dynochat=${token}`);
    expect(await visit(jar, app, 3000)).toBe(user);
  });
});

it("cookies of former secrets do not pile up in a browser: the oldest are deleted", async () => {
  const former = Array.from({ length: 100 }, (_, i) => [`dynochat-guest-${i}`, `g.x${i}.${"s".repeat(43)}`]);
  const jar = new CookieJar({ ...Object.fromEntries(former), theirs: "kept" });
  const app = await openApi({ secret: SECRETS[0] });
  const user = await visit(jar, app, 3000);
  const left = jar.names.filter((name) => /^dynochat-guest-\d+$/.test(name));
  expect(left).toEqual(former.slice(-OTHERS_KEPT).map(([name]) => name));
  expect(jar.names).toContain("theirs");
  expect(await visit(jar, app, 3000)).toBe(user);
});

it("of a thousand cookies only a few are checked, the chat's own first", () => {
  const guests = new Guests(["s".repeat(32)]);
  const cookies = new ChatCookies(guests, { isLasting: true, redisPrefix: "dynochat:", mountPath: "" });
  const request = (cookie: string) => ({ headers: { cookie } }) as IncomingMessage;
  const [own = ""] = cookies.namesFor("guest", request(""), () => false);
  const many = Array.from({ length: 1_000 }, (_, i) => `dynochat-guest-${i}=x${i}; dynochat_operator_${i}=y`);
  const values = cookies.valuesOf("guest", request([...many, `${own}=mine`].join("; ")));
  expect([values[0], values.length]).toEqual(["mine", OTHERS_KEPT + 2]);
  expect(passesOf(request(many.join("; "))).size).toBe(16);
});
