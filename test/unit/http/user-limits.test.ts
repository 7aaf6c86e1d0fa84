import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import type { DynochatOptions } from "../../../src/plugin.ts";
import { readEvents } from "../../kit/clients/event-reader.ts";
import { connectV1 } from "../../kit/clients/v1-client.ts";
import { openApi, withKey } from "../../kit/servers/api.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

function siteToken(sub: string): Promise<string> {
  const token = new SignJWT({ sub, exp: Math.floor(Date.now() / 1000) + 600 });
  return token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
}

async function open(options: DynochatOptions) {
  const app = await openApi({ tokenSecret: SECRET, programFactor: 3, ...options });
  const post = async (bearer: string, room: string, remoteAddress = "192.0.2.1") =>
    app.inject({
      method: "POST",
      url: `/api/rooms/${room}/messages`,
      headers: withKey(bearer),
      payload: { text: "hello" },
      remoteAddress,
    });
  return { app, post };
}

describe("a user of the site, or a program, over HTTP", () => {
  it("makes so many new rooms, is told so, and goes on in those that are there", async () => {
    const { app, post } = await open({ messagesPerSecond: 0, newRoomsPerUser: 1 });
    const [ann, ben] = [await siteToken("ann"), await siteToken("ben")];
    for (const room of ["a", "b"]) expect((await post(ann, room)).statusCode).toBe(201);
    const refused = await post(ann, "c", "192.0.2.2");
    expect(refused.statusCode).toBe(429);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(1_000);
    expect(refused.json()).toMatchObject({
      code: "rate-limited",
      message: "You have made too many new rooms; use one that has messages, or try again later.",
    });
    expect(app.dynochat.chat.counters.limited.get("user-new-rooms")).toBe(1);
    expect((await post(ann, "b")).statusCode).toBe(201);
    expect((await post(ben, "c")).statusCode).toBe(201);
    const program: number[] = [];
    for (let n = 0; n < 7; n += 1) program.push((await post("0123456789abcdef", `p${n}`)).statusCode);
    expect(program).toEqual([...Array(6).fill(201), 429]);
  });

  it("sends so many bytes, is told so, and no other user is", async () => {
    const { app, post } = await open({ messagesPerSecond: 0, userBytesPerSecond: 5 });
    const [ann, ben] = [await siteToken("ann"), await siteToken("ben")];
    const statuses = new Set<number>();
    for (let n = 0; n < 10; n += 1) statuses.add((await post(ann, `room-${n}`)).statusCode);
    expect([...statuses]).toEqual([201, 429]);
    expect((await post(ann, "a")).json()).toMatchObject({
      message: "You are sending more text than this chat allows; try again later.",
    });
    expect(app.dynochat.chat.counters.limited.get("user-bytes")).toBeGreaterThan(0);
    expect((await post(ben, "a")).statusCode).toBe(201);
  });

  it.each(["/api/rooms", "/api/rooms/lobby/messages"])(
    "asks for %s as often as one address may, from however many addresses",
    async (url) => {
      const { app } = await open({ addressRequestsPerSecond: 10 });
      const [ann, ben] = [await siteToken("ann"), await siteToken("ben")];
      const ask = async (token: string, n: number) =>
        app.inject({ url, headers: withKey(token), remoteAddress: `192.0.2.${n}` });
      const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => ask(ann, n)));
      expect([...new Set(answers.map(({ statusCode }) => statusCode))].sort()).toEqual([200, 429]);
      expect((await ask(ben, 1)).statusCode).toBe(200);
      expect((await app.inject({ url, remoteAddress: "192.0.2.1" })).statusCode).toBe(200);
    },
  );

  it("opens so many event streams and sockets together, and a closed one makes place", async () => {
    const { app } = await open({ maxConnectionsPerUser: 2 });
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    const [ann, ben] = [await siteToken("ann"), await siteToken("ben")];
    const stream = (token: string) => readEvents(`${url}/api/rooms/lobby/events`, withKey(token));
    const first = await stream(ann);
    await connectV1(url.replace("http", "ws"), { token: ann });
    const refused = await stream(ann);
    expect(refused.answer.status).toBe(429);
    expect(Number(refused.answer.headers.get("retry-after"))).toBe(5);
    expect((await stream(ben)).answer.status).toBe(200);
    expect((await readEvents(`${url}/api/rooms/lobby/events`)).answer.status).toBe(200);
    first.close();
    await waitFor(async () => (await stream(ann)).answer.status === 200, "a stream is let in again");
  });
});
