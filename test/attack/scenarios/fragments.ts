import type { Attacker } from "../attacker/attacker.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { WEBSOCKET } from "./odd-upgrades.ts";

const SOCKETS = 150;
const FRAGMENTS = 16_000;
const BODIES = 300;

/** A text frame that is not the last of its message, and continuations of one byte each; masked with zeros. */
const FIRST = Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x7b]);
const NEXT = Buffer.from([0x00, 0x81, 0, 0, 0, 0, 0x20]);

/** Sends the beginning of a message in thousands of fragments on each connection, and never the end. */
export async function sendFragments(attacker: Attacker, sockets = SOCKETS): Promise<Figures> {
  const piece = Buffer.concat(Array.from({ length: 500 }, () => NEXT));
  const opened = await Promise.all(
    Array.from({ length: sockets }, async () => {
      // All on one process, whose memory is what they want.
      const socket = await attacker.guest({ port: attacker.port(0) });
      if (socket === undefined) return undefined;
      socket.socket.write(FIRST);
      for (let sent = 0; sent < FRAGMENTS && !attacker.isOver; sent += 500) {
        socket.socket.write(piece);
        await socket.drained();
      }
      return socket;
    }),
  );
  await attacker.untilOver();
  return { "fragmented messages open": opened.filter((socket) => socket?.isOpen === true).length };
}

/** Requests with a body: an ordinary one, and an upgrade. */
const SLOW = [
  "POST /api/session HTTP/1.1\r\nContent-Type: application/json\r\n",
  `GET /ws HTTP/1.1\r\n${WEBSOCKET}`,
];

/** Sends requests whose bodies come one byte per 10 s. */
export async function sendSlowBodies(attacker: Attacker, bodies = BODIES): Promise<Figures> {
  const sockets = Array.from({ length: bodies }, (_, n) => {
    const port = attacker.port(n);
    const socket = attacker.connect(port);
    socket.resume();
    socket.write(`${SLOW[n % SLOW.length]}Host: 127.0.0.1:${port}\r\nContent-Length: 100\r\n\r\n{`);
    return socket;
  });
  while (!attacker.isOver) {
    await attacker.pause(10_000);
    for (const socket of sockets) if (socket.writable) socket.write(" ");
  }
  return { "slow bodies open": sockets.filter((socket) => socket.readyState === "open").length };
}

export const fragments: Scenario = {
  name: "fragments",
  does: "begins messages in 16,000 fragments, and bodies of a byte per 10 s, and never ends them",
  // A request has 30 s, and it takes some more to find those that have had them.
  attackMs: 34_000,
  attack: async (attacker) => {
    const [sent, slow] = await Promise.all([sendFragments(attacker), sendSlowBodies(attacker)]);
    return { ...sent, ...slow };
  },
  limits: [
    { figure: "fragmented messages open", atMost: 0 },
    { figure: "slow bodies open", atMost: 0 },
    { figure: "memory peak MB", atMost: 200 },
  ],
};
