import type { Measurement, Result } from "../measurements.ts";
import type { Run, RunListener } from "../run.ts";

/** Writes the progress and the results of a run to standard error. */
export class Progress implements RunListener {
  readonly #began = performance.now();
  failures = 0;

  begins({ system, load, repetition }: Run, done: number, all: number): void {
    const time = `${Math.round((performance.now() - this.#began) / 1_000)} s`.padStart(6);
    const times = load.repetitions === 1 ? "" : ` ${repetition + 1}/${load.repetitions}`;
    say(`[${done + 1}/${all}] ${time}  ${load.name}${times}, ${system.name}: `);
  }

  ended({ measurement }: Result): void {
    say(`${inWords(measurement)}\n`);
  }

  failed(_run: Run, error: unknown): void {
    this.failures += 1;
    say(`FAILED: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function inWords(measured: Measurement): string {
  switch (measured.kind) {
    case "steady": {
      const { missing, doubled, disordered, refused, lostClients } = measured;
      const wrong = Object.entries({ missing, doubled, disordered, refused, "clients lost": lostClients })
        .filter(([, count]) => count > 0)
        .map(([name, count]) => `, ${count} ${name}`);
      const endings = Object.entries(measured.endings).map(
        ([code, count]) => `, ${count} ended with ${code}`,
      );
      const busy = measured.generatorLoad > 0.8 ? `, generator ${round(measured.generatorLoad)}` : "";
      return `${round(measured.cpuMicros)} µs, ${round(measured.deliveriesPerSecond)}/s, p50 ${round(measured.p50)} p99 ${round(measured.p99)} p99.9 ${round(measured.p999)} ms, +${round(measured.grownMb)} MB${wrong.join("")}${endings.join("")}${busy}`;
    }
    case "ceiling":
      return `${round(measured.deliveriesPerSecond)}/s at ${measured.messagesPerSecond} messages/s (p99 ${round(measured.p99)} ms), broke at ${measured.brokeAt}: ${measured.brokeBy}`;
    case "idle":
      return `${round(measured.kbPerSocket)} KB per socket, ${round(measured.connectsPerSecond)} connects/s, ${round(measured.cpuMicrosPerConnect)} µs each; again ${round(measured.connectsPerSecondAgain)}/s, ${round(measured.cpuMicrosPerConnectAgain)} µs each`;
    case "herd":
      return `back in ${round(measured.backMs)} ms, ${round(measured.cpuMicrosPerConnect)} µs each, ${measured.recoveredEach} recovered each, ${measured.logReads} reads of the log`;
  }
}

function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

function say(text: string): void {
  process.stderr.write(text);
}
