/**
 * `npx tsx bench/churn.ts [minutes]`: clients connect, join, write and leave for that long (10 by default),
 * and the memory of the server is printed every 10 s, after a garbage collection. The figures should be flat;
 * the last line compares the second and the last fifth, and the exit code is 1 if the heap grew by more than
 * a tenth.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { buildAll } from "./build.ts";
import { gather } from "./crowds.ts";
import { monotonicMicros } from "./monotonic.ts";
import { residentBytesOf } from "./process-usage.ts";
import { RunningSystem } from "./running-system.ts";
import { median } from "./statistics.ts";
import { OURS } from "./systems.ts";

const SOCKETS = 200;
const ROOMS = 20;
const ROUND_MS = 1_000;
const SAMPLE_MS = 10_000;
/** More than this between the second and the last fifth of the time is no longer chance. */
const GROWTH = 1.1;

interface Sample {
  readonly seconds: number;
  readonly heap: number;
  readonly external: number;
  readonly resident: number;
}

const minutes = Number(process.argv[2] ?? 10);
if (process.platform !== "linux" || !(minutes > 0)) {
  process.stderr.write("churn: runs on Linux, for a number of minutes\n");
  process.exit(2);
}
await buildAll();
const running = await RunningSystem.start(
  { ...OURS, program: "dist/bench/heap-reporter.mjs", nodeOptions: ["--expose-gc"] },
  1,
);
try {
  process.exitCode = (await churn(running, minutes * 60_000)) ? 0 : 1;
} finally {
  await running.stop();
}

/** Runs the churn. Returns whether the heap stayed flat. */
async function churn(system: RunningSystem, ms: number): Promise<boolean> {
  const began = performance.now();
  const samples: Sample[] = [];
  let rounds = 0;
  while (performance.now() - began < ms) {
    await round(system);
    rounds += 1;
    if (performance.now() - began > samples.length * SAMPLE_MS) {
      samples.push(await sample(system, performance.now() - began));
      process.stdout.write(`${rounds} rounds, ${rounds * SOCKETS} people: ${inWords(samples.at(-1))}\n`);
    }
  }
  const fifth = Math.ceil(samples.length / 5);
  const early = median(samples.slice(fifth, 2 * fifth).map(({ heap }) => heap));
  const late = median(samples.slice(-fifth).map(({ heap }) => heap));
  process.stdout.write(`heap: ${mb(early)} MB early, ${mb(late)} MB late\n`);
  return late <= early * GROWTH;
}

async function round(system: RunningSystem): Promise<void> {
  await gather(system, SOCKETS, { rooms: ROOMS });
  const startAt = monotonicMicros();
  await Promise.all(
    system.generators.map((generator, index) =>
      generator.send({
        stretches: [{ rate: 200, ms: ROUND_MS / 2 }],
        startAt,
        measureFrom: startAt,
        textBytes: 100,
        senders: 20,
        firstSender: index * 20,
        stalled: 0,
      }),
    ),
  );
  await Promise.all(system.generators.map((generator) => generator.cut()));
}

async function sample(system: RunningSystem, ms: number): Promise<Sample> {
  // Rooms that were just left are released first.
  await sleep(500);
  const { heap, external } = await system.heap();
  return { seconds: Math.round(ms / 1_000), heap, external, resident: residentBytesOf(system.pids) };
}

function inWords(sample: Sample | undefined): string {
  if (sample === undefined) return "";
  const { seconds, heap, external, resident } = sample;
  return `${seconds} s, heap ${mb(heap)} MB, buffers ${mb(external)} MB, resident ${mb(resident)} MB`;
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
