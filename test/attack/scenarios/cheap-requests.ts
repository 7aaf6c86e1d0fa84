import { setImmediate as nextTick } from "node:timers/promises";
import type { Attacker } from "../attacker/attacker.ts";
import type { Figures, Scenario } from "../scenario.ts";

/** Requests that cost the sender next to nothing. */
const KINDS: readonly ((n: number, room: string) => object)[] = [
  (n) => ({ type: "ping", ref: n }),
  (n) => ({ type: "nobody-knows", ref: n }),
  (n) => ({ type: "hello", ref: n, handle: `Changing ${n % 7}` }),
  (n, room) => ({ type: "history", ref: n, room, limit: 200 }),
];

/** Sends every kind of request that stores nothing, as fast as it goes, on connections to every process. */
export async function ask(attacker: Attacker, each = 16): Promise<Figures> {
  let sent = 0;
  await Promise.all(
    Array.from({ length: KINDS.length * each }, async (_, n) => {
      const frameOf = KINDS[n % KINDS.length];
      while (!attacker.isOver) {
        const socket = await attacker.guest({ port: attacker.port(Math.floor(n / KINDS.length)) });
        if (socket === undefined || frameOf === undefined) {
          await attacker.pause(100);
          continue;
        }
        socket.send({ type: "join", ref: 0, room: "lobby", limit: 0 });
        for (let i = 1; socket.isOpen && !attacker.isOver; i += 1) {
          for (let k = 0; k < 100; k += 1) socket.send(frameOf(i, "lobby"));
          sent += 100;
          await socket.drained();
          await nextTick();
        }
      }
    }),
  );
  return { "requests sent": sent };
}

export const cheapRequests: Scenario = {
  name: "cheap-requests",
  does: "sends pings, unknown types, renames and requests for history as fast as it goes on 64 connections",
  attack: (attacker) => ask(attacker),
  limits: [],
};
