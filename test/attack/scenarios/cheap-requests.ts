import { setImmediate as nextTick } from "node:timers/promises";
import type { Attacker } from "../attacker/attacker.ts";
import { textFrame } from "../attacker/wire-socket.ts";
import type { Figures, Scenario } from "../scenario.ts";

/** Requests that cost the sender next to nothing. */
const KINDS: readonly ((n: number, room: string) => object)[] = [
  (n) => ({ type: "ping", ref: n }),
  (n) => ({ type: "nobody-knows", ref: n }),
  (n) => ({ type: "hello", ref: n, handle: `Changing ${n % 7}` }),
  (n, room) => ({ type: "history", ref: n, room, limit: 200 }),
];

/** Frames that are made once and sent again and again: the attacker's time goes into sending. */
const IN_A_ROW = 100;

/** Sends every kind of request that stores nothing, as fast as it goes, on connections to every process. */
export async function ask(attacker: Attacker, each = 16): Promise<Figures> {
  const bursts = KINDS.map((frameOf) =>
    Buffer.concat(Array.from({ length: IN_A_ROW }, (_, n) => textFrame(frameOf(n + 1, "lobby")))),
  );
  let sent = 0;
  await Promise.all(
    Array.from({ length: bursts.length * each }, async (_, n) => {
      const burst = bursts[n % bursts.length];
      while (!attacker.isOver) {
        const socket = await attacker.guest({ port: attacker.port(Math.floor(n / bursts.length)) });
        if (socket === undefined || burst === undefined) {
          await attacker.pause(100);
          continue;
        }
        socket.send({ type: "join", ref: 0, room: "lobby", limit: 0 });
        while (socket.isOpen && !attacker.isOver) {
          socket.sendBytes(burst);
          sent += IN_A_ROW;
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
