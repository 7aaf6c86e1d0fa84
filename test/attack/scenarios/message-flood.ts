import type { Attacker } from "../attacker/attacker.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { NO_RATES } from "../seed.ts";

const ROOM = "attic";

/** Sends messages as fast as they are answered over a few connections. */
async function talk(attacker: Attacker, sockets: number): Promise<Figures> {
  const begun = performance.now();
  let stored = 0;
  await Promise.all(
    Array.from({ length: sockets }, async (_, n) => {
      let waiting = 0;
      const onText = (text: string): void => {
        if (!text.startsWith('{"type":"ack"') && !text.startsWith('{"type":"error"')) return;
        waiting -= 1;
        if (text.startsWith('{"type":"ack"')) stored += 1;
      };
      const socket = await attacker.guest({ port: attacker.port(n), onText });
      socket?.send({ type: "join", ref: 1, room: ROOM, limit: 0 });
      await attacker.repeat(async (i) => {
        if (socket === undefined || !socket.isOpen || waiting > 50) return attacker.pause(1);
        waiting += 1;
        socket.send({ type: "message", ref: i + 2, room: ROOM, key: `${n}-${i}`, text: "noise" });
        return undefined;
      });
    }),
  );
  const seconds = (performance.now() - begun) / 1_000;
  return { "attacker's messages stored per s": Math.round(stored / seconds) };
}

export const messageFlood: Scenario = {
  name: "message-flood",
  does: "talks over 100 connections as fast as it is answered, where no rate is limited",
  settings: async () => NO_RATES,
  crowd: { people: 30, rooms: 10 },
  attack: (attacker) => talk(attacker, 100),
  after: async ({ stage }) => ({
    "warnings of what is not stored": stage.logs().filter(({ event }) => event === "not-stored").length,
  }),
  // Without a limit of rates the machine is the limit, for honest people too.
  limits: [
    { figure: "warnings of what is not stored", atMost: 0 },
    { figure: "acks p95 ms", atMost: 5_000 },
    { figure: "new clients refused", atMost: 100 },
  ],
};
