import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Checker } from "./checker.ts";
import { ALL_FAULTS, FAULT_KINDS, type FaultKind, type FaultWeights } from "./faults.ts";
import { EVERYTHING } from "./mixtures.ts";
import { FEWEST_CLIENTS } from "./plan.ts";
import { keepRecords } from "./records.ts";
import { Tally } from "./tally.ts";

const USAGE = `npm run torture -- [--seeds 200] [--from 1] [--seconds n] [--processes 3] [--clients 10]
  [--fault-count n] [--quiet-rooms n] [--acts n] [--faults kind,kind] [--root folder/]
kinds: ${FAULT_KINDS.join(" ")}
`;

/** Findings that are printed of a seed; all that were kept are in its folder. */
const PRINTED = 8;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
    seconds: { type: "string" },
    processes: { type: "string", default: "3" },
    clients: { type: "string", default: "10" },
    "fault-count": { type: "string", default: String(EVERYTHING.faultCount) },
    "quiet-rooms": { type: "string", default: String(EVERYTHING.quietRooms) },
    acts: { type: "string", default: String(EVERYTHING.acts) },
    faults: { type: "string" },
    root: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

// What runs ends with this process, if it is let go in order.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

if (values.help) say(USAGE);
else process.exitCode = (await check()) === 0 ? 0 : 1;

/** Runs the seeds asked for; returns how many went wrong. */
async function check(): Promise<number> {
  const first = wholeNumber("from", values.from);
  const count = wholeNumber("seeds", values.seeds);
  const seconds =
    values.seconds === undefined ? Number.POSITIVE_INFINITY : wholeNumber("seconds", values.seconds);
  const clients = wholeNumber("clients", values.clients);
  if (clients < FEWEST_CLIENTS) refuse(`--clients takes ${FEWEST_CLIENTS} or more`);
  const checker = await Checker.start({
    clients,
    processes: wholeNumber("processes", values.processes),
    faultCount: wholeNumber("fault-count", values["fault-count"]),
    quietRooms: wholeNumber("quiet-rooms", values["quiet-rooms"]),
    acts: wholeNumber("acts", values.acts),
    faults: weights(values.faults),
    ...(values.root === undefined ? {} : { root: `${resolve(values.root)}/` }),
  });
  const folder = await mkdtemp(join(tmpdir(), "dynochat-check-"));
  const sum = new Tally();
  const wrong: number[] = [];
  const begin = performance.now();
  const elapsed = () => (performance.now() - begin) / 1000;
  try {
    for (let seed = first; seed < first + count && elapsed() < seconds; seed += 1) {
      const started = performance.now();
      const result = await checker.run(seed);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const { findings, tally } = result;
      sum.add(tally);
      if (findings.list.length === 0) say(`seed ${seed} ok in ${seconds} s: ${tally.summary()}\n`);
      else {
        wrong.push(seed);
        say(`seed ${seed} WRONG in ${seconds} s: ${tally.summary()}\n`);
        for (const { wrong: kind, sentence } of findings.list.slice(0, PRINTED))
          say(`  ${kind}: ${sentence}\n`);
        say(`  everything about it: ${await keepRecords(folder, result)}\n`);
      }
    }
  } finally {
    await checker.stop();
  }
  say(`\n${sum.report()}\n${elapsed().toFixed(0)} s\n`);
  say(wrong.length === 0 ? "nothing wrong\n" : `wrong: seeds ${wrong.join(" ")}\n`);
  return wrong.length;
}

function weights(kinds: string | undefined): FaultWeights {
  if (kinds === undefined) return ALL_FAULTS;
  return Object.fromEntries(kinds.split(",").map((kind) => [faultKind(kind), ALL_FAULTS[faultKind(kind)]]));
}

function faultKind(word: string): FaultKind {
  const kind = FAULT_KINDS.find((each) => each === word);
  if (kind === undefined) refuse(`there is no fault "${word}"`);
  return kind;
}

function wholeNumber(name: string, word: string): number {
  if (!/^\d{1,9}$/.test(word)) refuse(`--${name} takes a whole number, not "${word}"`);
  return Number(word);
}

function refuse(sentence: string): never {
  process.stderr.write(`${sentence}\n${USAGE}`);
  process.exit(2);
}

function say(text: string): void {
  process.stdout.write(text);
}
