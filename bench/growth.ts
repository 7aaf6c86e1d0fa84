/**
 * `npx tsx bench/growth.ts`: what a delivery costs as a room, the number of rooms and the number of processes
 * grow, and what a join costs as a crowd grows. About 11 minutes; writes bench/growth.json and the tables of
 * docs/performance.md.
 */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildAll } from "./build.ts";
import { come, warmUp } from "./crowding.ts";
import { gather, inTurn, shares } from "./crowds.ts";
import { monotonicMicros } from "./monotonic.ts";
import { cpuSecondsOf } from "./process-usage.ts";
import { intoDocument } from "./report/document.ts";
import { thisMachine } from "./report/machine.ts";
import { RunningSystem } from "./running-system.ts";
import { median } from "./statistics.ts";
import { OURS } from "./systems.ts";

const REPETITIONS = 3;
const WARM_UP_MS = 6_000;
const MEASURE_MS = 5_000;
/** After the last message was sent: all of them have arrived. */
const ARRIVED_MS = 1_500;

/** One row: everything but what its table is about is the same in all its rows. */
interface Growth {
  readonly table: string;
  readonly name: string;
  readonly processes: number;
  readonly sockets: number;
  readonly rooms: number;
  /** Messages per second, all rooms together. */
  readonly rate: number;
}

interface Cost {
  readonly microsPerMessage: number;
  readonly microsPerDelivery: number;
  readonly deliveriesPerSecond: number;
}

/** 20,000 deliveries per second, however many get each of them. */
const ROOM_SIZES = [100, 1_000, 5_000].map(
  (sockets): Growth => ({
    table: "sockets in one room",
    name: sockets.toLocaleString("en"),
    processes: 2,
    sockets,
    rooms: 1,
    rate: 20_000 / sockets,
  }),
);

const ROOM_COUNTS = [1, 10, 1_000].map(
  (rooms): Growth => ({
    table: "rooms of 10 sockets, 200 messages per second in all",
    name: rooms.toLocaleString("en"),
    processes: 2,
    sockets: 10 * rooms,
    rooms,
    rate: 200,
  }),
);

const PROCESSES = [1, 2, 4].map(
  (processes): Growth => ({
    table: "processes, 1,000 sockets in one room, 40 messages per second",
    name: String(processes),
    processes,
    sockets: 1_000,
    rooms: 1,
    rate: 40,
  }),
);

const CROWDS = [500, 2_000, 5_000];

if (process.platform !== "linux") {
  process.stderr.write("growth: reads CPU from /proc, which only Linux has\n");
  process.exit(2);
}
await buildAll();
const steady: (Growth & Cost)[] = [];
for (const row of [...ROOM_SIZES, ...ROOM_COUNTS, ...PROCESSES]) {
  const runs: Cost[] = [];
  for (let run = 0; run < REPETITIONS; run += 1) runs.push(await costOf(row));
  const cost = {
    microsPerMessage: median(runs.map(({ microsPerMessage }) => microsPerMessage)),
    microsPerDelivery: median(runs.map(({ microsPerDelivery }) => microsPerDelivery)),
    deliveriesPerSecond: median(runs.map(({ deliveriesPerSecond }) => deliveriesPerSecond)),
  };
  steady.push({ ...row, ...cost });
  process.stderr.write(
    `${row.table}: ${row.name}: ${cost.microsPerDelivery.toPrecision(3)} µs per delivery\n`,
  );
}
const joins: { readonly sockets: number; readonly microsPerJoin: number }[] = [];
for (const sockets of CROWDS) {
  const runs: number[] = [];
  for (let run = 0; run < REPETITIONS; run += 1) runs.push(await joinCost(sockets));
  joins.push({ sockets, microsPerJoin: median(runs) });
  process.stderr.write(`crowd of ${sockets}: ${median(runs).toFixed(0)} µs per join\n`);
}
const here = fileURLToPath(new URL("./", import.meta.url));
const report = { measured: new Date().toISOString(), machine: thisMachine(), steady, joins };
writeFileSync(`${here}growth.json`, `${JSON.stringify(report, undefined, 2)}\n`);
intoDocument("growth", inMarkdown());

/** Servers and Redis of its own for each run. */
async function costOf({ processes, sockets, rooms, rate }: Growth): Promise<Cost> {
  const running = await RunningSystem.start(OURS, processes);
  try {
    const { generators, pids } = running;
    await gather(running, sockets, { rooms });
    const startAt = monotonicMicros() + 300_000;
    const measureFrom = startAt + WARM_UP_MS * 1_000;
    // Every room has a sender, up to 1,000 rooms.
    const speakers = shares(Math.min(sockets, Math.max(10, rooms)), generators.length);
    const sending = generators.map((generator, index) =>
      generator.send({
        stretches: [{ rate: rate / generators.length, ms: WARM_UP_MS + MEASURE_MS }],
        startAt: inTurn(startAt, index, rate),
        measureFrom,
        textBytes: 100,
        senders: speakers[index] ?? 0,
        firstSender: speakers.slice(0, index).reduce((sum, each) => sum + each, 0),
        stalled: 0,
      }),
    );
    await sleep((measureFrom - monotonicMicros()) / 1_000);
    const before = cpuSecondsOf(pids);
    await Promise.all(sending);
    const seconds = (monotonicMicros() - measureFrom) / 1e6;
    const micros = (cpuSecondsOf(pids) - before) * 1e6;
    await sleep(ARRIVED_MS);
    const seen = await Promise.all(
      generators.map((generator) => generator.settle({ messages: 0, timeoutMs: 0 })),
    );
    const deliveries = seen.reduce((sum, { measured }) => sum + measured, 0);
    return {
      microsPerMessage: micros / (rate * seconds),
      microsPerDelivery: micros / deliveries,
      deliveriesPerSecond: deliveries / seconds,
    };
  } finally {
    await running.stop();
  }
}

async function joinCost(sockets: number): Promise<number> {
  const running = await RunningSystem.start(OURS);
  try {
    await warmUp(running);
    return (await come(running, sockets)).cpuMicros;
  } finally {
    await running.stop();
  }
}

function inMarkdown(): string {
  const titles = [...new Set(steady.map(({ table }) => table))];
  const tables = titles.map((title) =>
    table(
      [title, "deliveries/s", "CPU µs per delivery", "CPU µs per message"],
      steady
        .filter((row) => row.table === title)
        .map((row) => [
          row.name,
          Math.round(row.deliveriesPerSecond).toLocaleString("en"),
          row.microsPerDelivery.toPrecision(3),
          Math.round(row.microsPerMessage).toLocaleString("en"),
        ]),
    ),
  );
  const crowds = joins.map(({ sockets, microsPerJoin }) => [
    sockets.toLocaleString("en"),
    String(Math.round(microsPerJoin)),
  ]);
  return [
    ...tables,
    table(["people who come to one room", "CPU µs per connect, hello and join"], crowds),
  ].join("\n");
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles, titles.map((_, index) => (index === 0 ? "---" : "---:")), ...rows];
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
}
