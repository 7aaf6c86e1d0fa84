import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { buildSlug, discard, type SlugSize, sizeOf } from "../kit/platform/slug.ts";
import { ROOT } from "../kit/servers/program.ts";
import { type Rehearsal, rehearse } from "./rehearsal.ts";
import { actsTable, countsTable, figuresOf, withFigures } from "./report.ts";
import { brokenLimits, unjudged } from "./service-limits.ts";
import { keepSilent, type SilentOutcome } from "./silent-sockets.ts";

const USAGE = `npm run rehearse -- [--clients 300] [--maintenance-seconds 60] [--silent-minutes 10]
  [--rest-seconds 8] [--seed 1] [--write docs/operating.md]
`;

/** Findings that are printed. */
const PRINTED = 20;

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "300" },
    "maintenance-seconds": { type: "string", default: "60" },
    "silent-minutes": { type: "string", default: "10" },
    "rest-seconds": { type: "string", default: "8" },
    seed: { type: "string", default: "1" },
    write: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

// What runs ends with this process, if it is let go in order.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const begin = performance.now();
if (values.help) process.stdout.write(USAGE);
else process.exitCode = (await run()) ? 0 : 1;

/** The whole rehearsal; whether everything was as it must be. */
async function run(): Promise<boolean> {
  const clients = wholeNumber("clients", values.clients);
  const silentMinutes = wholeNumber("silent-minutes", values["silent-minutes"]);
  const maintenanceMs = wholeNumber("maintenance-seconds", values["maintenance-seconds"]) * 1_000;
  const slug = await buildSlug({ packages: "registry", say: (step) => say(`build: ${step}`) });
  try {
    const size = await sizeOf(slug);
    say(`build: the slug has ${slugWords(size)}`);
    // Beside the acts, with an app of its own: no restart ends these sockets, so only silence could.
    const silence = keepSilent({ slug, each: 10, config: {}, silentMs: silentMinutes * 60_000 });
    silence.catch(() => undefined);
    const rehearsal = await rehearse({
      slug,
      clients,
      rooms: Math.max(1, Math.round(clients / 25)),
      pauseMs: 15_000,
      arrivalMs: 15_000,
      restMs: wholeNumber("rest-seconds", values["rest-seconds"]) * 1_000,
      maintenanceMs,
      seed: wholeNumber("seed", values.seed),
      config: {},
      say,
    });
    say("the acts are over; the silent sockets go on");
    // Over five minutes: about as long as the acts took. Whatever else the machine did is in it.
    const [, load = 0] = loadavg();
    return await report({ rehearsal, silent: await silence, silentMinutes, clients, size, load });
  } finally {
    await discard(slug);
  }
}

interface Outcome {
  readonly rehearsal: Rehearsal;
  readonly silent: SilentOutcome;
  readonly silentMinutes: number;
  readonly clients: number;
  readonly size: SlugSize;
  /** Processes that wanted a processor, on average. */
  readonly load: number;
}

async function report({ rehearsal, silent, silentMinutes, clients, size, load }: Outcome): Promise<boolean> {
  const { findings, measures, faults } = rehearsal;
  const broken = brokenLimits(measures);
  const open = unjudged(measures);
  const wrong = findings.list.map(({ wrong, sentence }) => `${wrong}: ${sentence}`);
  const quiet = `${silent.sockets - silent.ended.length} of ${silent.sockets} silent sockets lived through ${silentMinutes} minutes`;
  process.stdout.write(`\n${actsTable(measures)}\n\n${countsTable(rehearsal)}\n\n${quiet}\n`);
  for (const sentence of [...broken, ...silent.ended, ...wrong.slice(0, PRINTED)])
    process.stdout.write(`WRONG: ${sentence}\n`);
  for (const sentence of open) process.stdout.write(`NOT JUDGED: ${sentence}\n`);
  const { lost, doubled, reordered } = faults;
  const good =
    [broken, open, silent.ended, wrong].every(({ length }) => length === 0) &&
    lost + doubled + reordered === 0;
  process.stdout.write(good ? "nothing wrong\n" : "");
  if (values.write !== undefined) {
    const path = `${ROOT}${values.write}`;
    const head = [
      `${clients} clients of the client library, ${new Date().toISOString().slice(0, 10)}, Node.js ${process.version}`,
      `${cpus().length} processors shared by dynos, Redis, router, clients and whatever else ran (load average ${load.toFixed(1)}); slug: ${slugWords(size)}.`,
    ].join("; ");
    await writeFile(path, withFigures(await readFile(path, "utf8"), figuresOf(head, rehearsal, quiet)));
  }
  return good;
}

function slugWords({ unpacked, packed }: SlugSize): string {
  return `${unpacked.toFixed(1)} MB, ${packed.toFixed(1)} MB packed`;
}

function wholeNumber(name: string, word: string): number {
  if (/^\d{1,6}$/.test(word)) return Number(word);
  process.stderr.write(`--${name} takes a whole number, not "${word}"\n${USAGE}`);
  process.exit(2);
}

/** With the time since the beginning. */
function say(line: string): void {
  const seconds = Math.floor((performance.now() - begin) / 1_000);
  const clock = `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  process.stdout.write(`${clock} ${line}\n`);
}
