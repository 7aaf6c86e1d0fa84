import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { WebSocket } from "ws";
import { SUBPROTOCOL } from "../../../src/protocol/frames.ts";
import type { Scenario } from "../scenario.ts";

/** What a site's address of keys can be like. */
const OUTAGES: readonly ((response: ServerResponse) => void)[] = [
  (response) => void response.socket?.destroy(),
  // Never answers.
  () => undefined,
  (response) => void response.end("<html>not here</html>"),
];

/** For an answer to hello, ms; a key server that does not answer is waited for 5 s. */
const PATIENCE_MS = 8_000;

const keys = await generateKeyPair("ES256");
const jwk = { ...(await exportJWK(keys.publicKey)), kid: "one", alg: "ES256" };
const publish = (response: ServerResponse): void => void response.end(JSON.stringify({ keys: [jwk] }));

let answer = publish;
const site = createServer((_request, response) => answer(response));
site.unref();

/** What a client with a valid token is told: `welcome`, or the code of what it gets instead. */
async function tryToken(wsUrl: string): Promise<string> {
  const signed = new SignJWT({ sub: "42", name: "Ann" }).setProtectedHeader({ alg: "ES256", kid: "one" });
  const token = await signed.setExpirationTime("1h").sign(keys.privateKey);
  const socket = new WebSocket(`${wsUrl}/ws`, SUBPROTOCOL, { localAddress: "127.3.0.2" });
  const told = await new Promise<string>((resolve) => {
    setTimeout(() => resolve("nothing"), PATIENCE_MS);
    socket.on("open", () => socket.send(JSON.stringify({ type: "hello", ref: 1, token })));
    socket.on("message", (data) => {
      const frame: { type?: string; code?: string } = JSON.parse(data.toString());
      if (frame.type === "welcome") resolve("welcome");
      else if (frame.type === "error") resolve(frame.code ?? "error");
    });
    socket.on("close", (code) => resolve(String(code)));
    socket.on("error", () => undefined);
  });
  socket.terminate();
  return told;
}

/** As a client does that was told to try again later. */
async function comeBack(wsUrl: string): Promise<string> {
  let told = await tryToken(wsUrl);
  for (let attempt = 1; attempt < 5 && told !== "welcome"; attempt += 1) {
    await sleep(1_000);
    told = await tryToken(wsUrl);
  }
  return told;
}

export const keyOutage: Scenario = {
  name: "key-outage",
  hasRights: true,
  does: "takes away the keys of the site's tokens: refused, never answered, garbage",
  settings: async () => {
    if (!site.listening) await once(site.listen(0, "127.0.0.1"), "listening");
    const address = site.address();
    const port = typeof address === "object" ? address?.port : undefined;
    return { TOKEN_JWKS_URL: `http://localhost:${port}/keys` };
  },
  attack: async () => ({}),
  attackMs: 1_000,
  atEnd: async ({ stage }) => {
    const told: string[] = [];
    for (const [n, { wsUrl }] of stage.servers.entries()) {
      answer = OUTAGES[n % OUTAGES.length] ?? publish;
      told.push(await tryToken(wsUrl));
    }
    answer = publish;
    const back = await Promise.all(stage.servers.map(({ wsUrl }) => comeBack(wsUrl)));
    answer = (response) => void response.socket?.destroy();
    const known = await Promise.all(stage.servers.map(({ wsUrl }) => tryToken(wsUrl)));
    const lines = stage.logs().filter(({ event }) => event === "token-keys");
    return {
      "valid tokens called invalid": told.filter((word) => word === "4401" || word === "unauthorized").length,
      "valid tokens called unavailable": told.filter((word) => word === "unavailable").length,
      "accepted after the outage": back.filter((word) => word === "welcome").length,
      "accepted by keys that were known": known.filter((word) => word === "welcome").length,
      "lines in the store": lines.length,
    };
  },
  limits: [
    { figure: "valid tokens called invalid", atMost: 0 },
    { figure: "valid tokens called unavailable", atLeast: 3 },
    { figure: "accepted after the outage", atLeast: 3 },
    { figure: "accepted by keys that were known", atLeast: 3 },
    { figure: "lines in the store", atLeast: 1 },
  ],
};
