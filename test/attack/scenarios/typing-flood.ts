import { connect } from "node:net";
import { waitFor } from "../../kit/vitest/wait-for.ts";
import type { Attacker } from "../attacker/attacker.ts";
import { WireSocket } from "../attacker/wire-socket.ts";
import type { Figures, Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";

const SOCKETS = 10;
const AUDIENCE = 1_000;
const ROOM = "hall";

/** Begins and ends typing as fast as it goes. */
export async function type(attacker: Attacker, room = ROOM): Promise<Figures> {
  let sent = 0;
  await Promise.all(
    Array.from({ length: SOCKETS }, async (_, n) => {
      const socket = await attacker.guest({ port: attacker.port(n) });
      if (socket === undefined) return;
      socket.send({ type: "join", ref: 1, room, limit: 0 });
      await attacker.repeat(async (i) => {
        if (!socket.isOpen) return attacker.pause(1_000);
        socket.send({ type: "typing", room, on: i % 2 === 0 });
        sent += 1;
        // 100 per second each: twice what one connection may ask.
        return attacker.pause(10);
      });
    }),
  );
  return { "typing sent": sent };
}

/** A thousand readers, each with an address of their own, cheap enough to stand beside what is measured. */
async function fillHall(stage: Stage): Promise<void> {
  for (let n = 0; n < AUDIENCE; n += 1) {
    const port = stage.ports[n % stage.ports.length] ?? 0;
    const localAddress = `127.4.${n >> 7}.${(n & 127) + 1}`;
    const tcp = connect({ port, host: "127.0.0.1", localAddress });
    // They end with the processes.
    tcp.on("error", () => undefined);
    const socket = new WireSocket(tcp, { port });
    socket.send({ type: "hello", ref: 0 });
    socket.send({ type: "join", ref: 1, room: ROOM, limit: 0 });
    if (n % 50 === 49) await socket.answered;
  }
  const url = `${stage.servers[0]?.url}/api/rooms/${ROOM}/presence`;
  await waitFor(
    async () => {
      const { count }: { count: number } = JSON.parse(await (await fetch(url)).text());
      return count >= AUDIENCE;
    },
    "the hall is full",
    30_000,
  );
}

export const typingFlood: Scenario = {
  name: "typing-flood",
  does: "begins and ends typing on ten connections in a room of 1,000",
  crowd: { people: 30, rooms: 5 },
  prepare: async (stage) => {
    await fillHall(stage);
    return {};
  },
  attack: (attacker) => type(attacker),
  limits: [],
};
