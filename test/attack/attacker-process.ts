import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { within } from "../kit/vitest/wait-for.ts";
import type { Order, Report } from "./attacker/messages.ts";
import type { Parameters } from "./scenario.ts";

const PROGRAM = fileURLToPath(new URL("attacker/process.ts", import.meta.url));

/** For the attacker's process to start, and to stop what it does on a machine that it keeps busy, ms. */
const PATIENCE_MS = 30_000;

/** The attacker, in a process of its own, so that what it costs is told apart. */
export class AttackerProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<AttackerProcess> {
    const child = fork(PROGRAM, { execArgv: ["--import", "tsx"] });
    await within(once(child, "message"), "the attacker's process starts", PATIENCE_MS);
    return new AttackerProcess(child);
  }

  attack(scenario: string, ports: readonly number[], parameters: Parameters): void {
    this.#order({ order: "attack", scenario, ports, parameters });
  }

  /** Ends the attack; what is open stays open until `release`. */
  async stop(): Promise<Extract<Report, { report: "over" }>> {
    const answer = once(this.#child, "message");
    this.#order({ order: "stop" });
    const [report]: Report[] = await within(answer, "the attacker stops", PATIENCE_MS);
    if (report?.report !== "over") throw new Error(`the attacker said ${JSON.stringify(report)}`);
    return report;
  }

  /** Closes all its connections and ends the process. */
  async release(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#order({ order: "release" });
    await within(exit, "the attacker's process ends", PATIENCE_MS).catch(() => this.#child.kill("SIGKILL"));
  }

  #order(order: Order): void {
    if (this.#child.connected) this.#child.send(order);
  }
}
