import type { Attacker } from "../attacker/attacker.ts";
import type { Figures, Scenario } from "../scenario.ts";

/** Requests of each kind. */
const EACH = 40;

/** The headers of an upgrade. */
export const WEBSOCKET =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** Upgrades that a server must refuse, or nearly so: the request line, then the headers behind Host. */
export const ODD_UPGRADES: readonly (readonly [line: string, headers: string])[] = [
  ["GET /%ff HTTP/1.1", WEBSOCKET],
  ["GET /%ff HTTP/1.1", "Connection: Upgrade\r\nUpgrade: x\r\n"],
  ["GET /ws%2 HTTP/1.1", WEBSOCKET],
  ["GET //[ HTTP/1.1", WEBSOCKET],
  ["GET /ws?room=%ff HTTP/1.1", WEBSOCKET],
  ["GET /nowhere HTTP/1.1", WEBSOCKET],
  ["GET /ws HTTP/1.1", WEBSOCKET.replace("13", "99")],
  ["GET /ws HTTP/1.1", WEBSOCKET.replace("dGhlIHNhbXBsZSBub25jZQ==", "short")],
  ["GET /ws HTTP/1.1", `${WEBSOCKET}Sec-WebSocket-Protocol: nobody.knows\r\n`],
  ["GET /ws HTTP/1.1", `${WEBSOCKET}Origin: https://evil.example\r\n`],
  ["CONNECT 127.0.0.1:80 HTTP/1.1", WEBSOCKET],
  // Behind a request whose answer does not end.
  ["GET /api/rooms/lobby/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /ws HTTP/1.1", WEBSOCKET],
  // Accepted; says nothing, and does not answer the close frame either.
  ["GET /ws HTTP/1.1", `${WEBSOCKET}Sec-WebSocket-Protocol: dynochat.v1\r\n`],
];

/** Sends every kind of odd upgrade on connections of their own, and never closes one. */
export async function sendOddUpgrades(attacker: Attacker, each = EACH): Promise<Figures> {
  let sent = 0;
  for (let round = 0; round < each && !attacker.isOver; round += 1) {
    for (const [line, headers] of ODD_UPGRADES) {
      const port = attacker.port(sent);
      const socket = attacker.connect(port, { allowHalfOpen: true });
      socket.resume();
      socket.write(`${line}\r\nHost: 127.0.0.1:${port}\r\n${headers}\r\n`);
      sent += 1;
    }
    await attacker.pause(30);
  }
  await attacker.untilOver();
  return { "odd upgrades": sent };
}

export const oddUpgrades: Scenario = {
  name: "odd-upgrades",
  does: "asks for upgrades that must be refused, and never closes their connections",
  // 10 s after the last request nothing may be left of it.
  attackMs: 13_000,
  attack: (attacker) => sendOddUpgrades(attacker),
  atEnd: async ({ stage }) => ({ "descriptors left": stage.descriptors() - stage.descriptorsBefore }),
  limits: [{ figure: "descriptors left", atMost: 20 }],
};
