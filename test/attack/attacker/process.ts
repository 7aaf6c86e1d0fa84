import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Figures } from "../scenario.ts";
import { scenarioNamed } from "../scenarios.ts";
import { Attacker } from "./attacker.ts";
import type { Order, Report } from "./messages.ts";

// The attacker has a machine of its own in real life. Here it has two processors together with what it
// attacks, and gets what those leave.
const NICE = 10;

/** How long parts of an attack may go on waiting for answers when it is over, ms. */
const UNFINISHED_MS = 5_000;

setPriority(NICE);

const over = new AbortController();
let attacker: Attacker | undefined;

process.on("message", (message: Order) => {
  if (message.order === "attack") void attack(message);
  else if (message.order === "stop") over.abort();
  else {
    attacker?.release();
    process.disconnect();
  }
});
// However the measuring process ended.
process.on("disconnect", () => process.exit(0));
// An attack goes on, whatever becomes of one of its connections.
process.on("uncaughtException", (error) => process.stderr.write(`attacker: ${String(error)}\n`));

tell({ report: "ready" });

async function attack({ scenario, ports, parameters }: Extract<Order, { order: "attack" }>): Promise<void> {
  attacker = new Attacker(ports, over.signal);
  const figures = await Promise.race([scenarioNamed(scenario).attack(attacker, parameters), unfinished()]);
  await attacker.untilOver();
  tell({ report: "over", figures, cost: attacker.cost() });
}

/**
 * Fulfils some time after the attack is over: pending calls get no answer, and their figures are not known.
 */
async function unfinished(): Promise<Figures> {
  await new Promise((resolve) => over.signal.addEventListener("abort", resolve));
  await sleep(UNFINISHED_MS);
  return {};
}

function tell(report: Report): void {
  process.send?.(report);
}
