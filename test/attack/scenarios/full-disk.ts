import { openSync } from "node:fs";
import type { Scenario } from "../scenario.ts";

export const fullDisk: Scenario = {
  name: "full-disk",
  does: "comes and goes, and asks for what is refused, while the log goes to a disk that is full",
  stdout: () => openSync("/dev/full", "w"),
  attack: async (attacker) => {
    await attacker.repeat(async (n) => {
      const socket = attacker.upgrade({
        port: attacker.port(n),
        ...(n % 2 === 0 ? {} : { headers: { Origin: "https://evil.example" } }),
      });
      await attacker.pause(50);
      socket.destroy();
    });
    return {};
  },
  limits: [],
};
