import { setTimeout as sleep } from "node:timers/promises";
import { gather, inTurn, shares } from "./crowds.ts";
import type { Endings, Seen, Sent } from "./generator/calls.ts";
import type { Stretch } from "./generator/pace.ts";
import { Histogram } from "./histogram.ts";
import type { SteadyLoad } from "./loads.ts";
import type { Steady } from "./measurements.ts";
import { monotonicMicros } from "./monotonic.ts";
import { cpuSecondsOf, residentBytesOf } from "./process-usage.ts";
import type { RunningSystem } from "./running-system.ts";

/** Time for all generators to learn when to begin, ms. */
const LEAD_MS = 300;
/** After the last message, what did not come by then is missing, ms. */
const DRAIN_MS = 5_000;
/** The last part of a warm-up has the rate that is measured, ms. */
const REST_MS = 1_000;
/** How long sockets that stopped reading may take to find out how they ended, ms. */
const RESUME_MS = 4_000;

/** Puts a steady load on a system without clients. */
export async function measureSteady(running: RunningSystem, load: SteadyLoad): Promise<Steady> {
  await gather(running, load.sockets);
  return pour(running, load);
}

/** Sends to the connected clients, and counts what arrives. */
export async function pour(running: RunningSystem, load: SteadyLoad): Promise<Steady> {
  const startAt = monotonicMicros() + LEAD_MS * 1_000;
  const measureFrom = startAt + load.warmUpMs * 1_000;
  const before = residentBytesOf(running.pids);
  const sending = sendAll(running, load, startAt, measureFrom);
  const [cpuBefore, sent] = await Promise.all([cpuAt(running, measureFrom), sending]);
  const messages = sent.reduce((total, each) => total + each.messages, 0);
  const stopped = monotonicMicros();
  const seen = await Promise.all(
    running.generators.map((generator) => generator.settle({ messages, timeoutMs: DRAIN_MS })),
  );
  const seconds = (stopped - measureFrom) / 1e6;
  const cpu = cpuSecondsOf(running.pids) - cpuBefore;
  const grownMb = (residentBytesOf(running.pids) - before) / 1e6;
  const endings =
    load.stalled === 0
      ? {}
      : merged(await Promise.all(running.generators.map((generator) => generator.resume(RESUME_MS))));
  return { ...counted(seen, seconds, cpu), grownMb, endings, generatorLoad: generatorLoad(seen, load) };
}

function sendAll(
  { generators }: RunningSystem,
  load: SteadyLoad,
  startAt: number,
  measureFrom: number,
): Promise<Sent[]> {
  const senders = shares(load.senders, generators.length);
  const stalled = shares(load.stalled, generators.length);
  return Promise.all(
    generators.map((generator, index) =>
      generator.send({
        stretches: stretchesOf(load, (senders[index] ?? 0) / load.senders),
        startAt: inTurn(startAt, index, load.rate),
        measureFrom,
        textBytes: load.textBytes,
        senders: senders[index] ?? 0,
        firstSender: senders.slice(0, index).reduce((total, each) => total + each, 0),
        stalled: stalled[index] ?? 0,
      }),
    ),
  );
}

/** What a generator with that share of the senders sends. */
function stretchesOf(load: SteadyLoad, share: number): readonly Stretch[] {
  const { rate, warmUpRate = rate, warmUpMs, measureMs } = load;
  return [
    { rate: warmUpRate * share, ms: warmUpMs - REST_MS },
    { rate: rate * share, ms: REST_MS + measureMs },
  ];
}

async function cpuAt({ pids }: RunningSystem, time: number): Promise<number> {
  await sleep((time - monotonicMicros()) / 1_000);
  return cpuSecondsOf(pids);
}

function counted(seen: readonly Seen[], seconds: number, cpu: number) {
  const latency = new Histogram();
  for (const each of seen) latency.merge(each.latency);
  const measured = total(seen, "measured");
  return {
    kind: "steady",
    cpuMicros: (cpu * 1e6) / measured,
    deliveriesPerSecond: measured / seconds,
    p50: latency.percentile(0.5),
    p99: latency.percentile(0.99),
    p999: latency.percentile(0.999),
    missing: total(seen, "missing"),
    doubled: total(seen, "doubled"),
    disordered: total(seen, "disordered"),
    refused: total(seen, "refused"),
    lostClients: total(seen, "lostClients"),
  } as const;
}

function total(seen: readonly Seen[], name: Exclude<keyof Seen, "latency" | "newestIds">): number {
  return seen.reduce((sum, each) => sum + each[name], 0);
}

function generatorLoad(seen: readonly Seen[], { warmUpMs, measureMs }: SteadyLoad): number {
  return Math.max(...seen.map(({ cpuMicros }) => cpuMicros)) / ((warmUpMs + measureMs) * 1_000);
}

function merged(all: readonly Endings[]): Endings {
  const endings: Record<string, number> = {};
  for (const each of all) {
    for (const [code, count] of Object.entries(each)) endings[code] = (endings[code] ?? 0) + count;
  }
  return endings;
}
