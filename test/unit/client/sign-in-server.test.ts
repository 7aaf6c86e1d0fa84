import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { ChatClient } from "../../../src/client/client.ts";
import { openHttpSocket } from "../../../src/client/http-socket.ts";
import { type OpenSocket, systemClock } from "../../../src/client/ports.ts";
import type { ClientFrame } from "../../../src/protocol/frames.ts";
import { cookieFetch } from "../../kit/clients/cookie-fetch.ts";
import { openWsSocket } from "../../kit/clients/library-client.ts";
import { openApi } from "../../kit/servers/api.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const WAYS: readonly (readonly [string, () => OpenSocket])[] = [
  ["sockets", () => openWsSocket],
  ["HTTP", () => openHttpSocket({ fetch: cookieFetch(), clock: systemClock })],
];

/** A token of the site for Ann; each is another one. */
function tokenOf(endsInS: number, number = 0): Promise<string> {
  const claims = { sub: "ann", name: "Ann", number, exp: Math.floor(Date.now() / 1000) + endsInS };
  return new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
}

/** A client of a server that lets guests in; `sockets` and `hellos` are counted. */
async function signedIn(open: OpenSocket, getToken: () => Promise<string | undefined>) {
  const app = await openApi({ tokenSecret: SECRET });
  const url = `${(await app.listen({ port: 0, host: "127.0.0.1" })).replace("http", "ws")}/ws`;
  const counted = { sockets: 0, hellos: 0 };
  const openSocket: OpenSocket = (...of) => {
    counted.sockets += 1;
    const socket = open(...of);
    return {
      send: (text) => {
        const { type }: ClientFrame = JSON.parse(text);
        if (type === "hello") counted.hellos += 1;
        socket.send(text);
      },
      close: () => socket.close(),
    };
  };
  const client = new ChatClient({ url, openSocket, getToken });
  afterwards(() => client.stop());
  const names: string[] = [];
  client.on("self", ({ id }) => names.push(id));
  const room = client.join("lobby");
  client.start();
  return { client, room, counted, names };
}

describe.each(WAYS)("a signed-in user over %s", (_way, open) => {
  it("is signed out when the token ends and getToken has no other, and never a guest", async () => {
    const token = await tokenOf(1);
    const { client, counted, names } = await signedIn(open(), async () => token);
    await waitFor(() => client.connection.name === "closed", "the token has ended", 20_000);
    expect(client.connection).toMatchObject({ cause: "unauthorized" });
    expect(counted).toEqual({ sockets: 1, hellos: 1 });
    expect(names).toEqual(["s-ann"]);
  });

  it("goes on with the next token on the same connection, and sends", async () => {
    let asked = 0;
    const { client, room, counted, names } = await signedIn(open(), async () => {
      asked += 1;
      return tokenOf(asked === 1 ? 30 : 3_600, asked);
    });
    await waitFor(() => room.state === "current", "the room is joined");
    await waitFor(() => counted.hellos === 2, "the next token is shown");
    room.send("still here");
    await waitFor(() => room.messages.length === 1 && room.outgoing.length === 0, "it is stored");
    expect(room.messages[0]).toMatchObject({ user: "s-ann", handle: "Ann" });
    expect(client.connection.name).toBe("live");
    expect(counted).toEqual({ sockets: 1, hellos: 2 });
    expect([asked, names]).toEqual([2, ["s-ann"]]);
  });

  it("is told that the server does not accept the token, and sends it once", async () => {
    const { client, counted, names } = await signedIn(open(), async () => "a.b.c");
    await waitFor(() => client.connection.name === "closed", "it is refused", 20_000);
    expect(client.connection).toMatchObject({ cause: "unauthorized" });
    expect(counted.hellos).toBe(1);
    expect(names).toEqual([]);
  });
});
