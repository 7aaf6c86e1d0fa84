import type { Attacker } from "../attacker/attacker.ts";
import type { Figures, Scenario } from "../scenario.ts";

/** More than a process may have. */
const EACH = 1_100;

/** Opens TCP connections to every process, says nothing, and opens again what was closed. */
export async function holdConnections(attacker: Attacker, each = EACH): Promise<Figures> {
  const open = attacker.ports.map(() => 0);
  let most = 0;
  while (!attacker.isOver) {
    for (const [n, port] of attacker.ports.entries()) {
      for (let more = Math.min(100, each - (open[n] ?? 0)); more > 0; more -= 1) {
        open[n] = (open[n] ?? 0) + 1;
        attacker.connect(port).on("close", () => {
          open[n] = (open[n] ?? 0) - 1;
        });
      }
    }
    await attacker.pause(100);
    most = Math.max(most, ...open);
  }
  return { "idle connections of one process": most };
}

export const idleConnections: Scenario = {
  name: "idle-connections",
  does: "opens 1,100 TCP connections per process, where a process may have 1,024 descriptors",
  descriptors: 1024,
  attackMs: 8_000,
  attack: (attacker) => holdConnections(attacker),
  limits: [],
};
