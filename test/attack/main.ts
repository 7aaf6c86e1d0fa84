import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../kit/servers/program.ts";
import { withFigures } from "../rehearsal/report.ts";
import { brokenLimits, type Labelled, markdownOf, reportOf } from "./report.ts";
import { withRights } from "./rights.ts";
import { type Outcome, runScenario } from "./run-scenario.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS, scenarioNamed } from "./scenarios.ts";

const USAGE = `npm run attack -- [--only name,name] [--rights] [--against path/to/other/dist/main.js] [--markdown] [--write docs/security.md]
scenarios: ${SCENARIOS.map(({ name }) => name).join(" ")}
--rights switches rights on in every attack: tokens of a site, private rooms, access rules; honest people are users of the site.
--against runs every attack against that build too, first; what breaks there does not count.
`;

/** Between these lines of a document the figures stand. */
const MARKS = { begin: "<!-- figures of npm run attack -->", end: "<!-- end of figures -->" };

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rights: { type: "boolean", default: false },
    against: { type: "string" },
    markdown: { type: "boolean", default: false },
    write: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

// What runs ends with this process, if it is let go in order.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

if (values.help) process.stdout.write(USAGE);
// Whatever a scenario has left open does not keep this process.
else process.exit((await run()) ? 0 : 1);

interface Build {
  readonly label: "before" | "now";
  /** The folder that has its `dist`, with a slash at its end. */
  readonly root: string;
}

/** Plays the scenarios; whether this build keeps every limit. */
async function run(): Promise<boolean> {
  const named = values.only?.split(",").map(scenarioNamed) ?? SCENARIOS;
  const scenarios = values.rights ? named.map(rightsOn) : named;
  const tries = scenarios.flatMap((scenario) => builds().map((build) => ({ scenario, build })));
  const outcomes: Labelled[] = [];
  let isGood = true;
  for (const { scenario, build } of tries) {
    if (build.label === "before" && scenario.isOfThisBuildOnly) continue;
    const outcome = await play(scenario, build);
    if (outcome !== undefined) outcomes.push({ build: build.label, outcome });
    const isKept = outcome !== undefined && brokenLimits(outcome).length === 0;
    isGood &&= isKept || build.label === "before";
  }
  const figures = `${measuredOn()}\n\n${markdownOf(outcomes)}`;
  if (values.markdown) process.stdout.write(`${figures}\n`);
  if (values.write !== undefined) {
    const path = `${ROOT}${values.write}`;
    await writeFile(path, withFigures(await readFile(path, "utf8"), figures, MARKS));
  }
  process.stdout.write(isGood ? "every limit is kept\n" : "limits are broken\n");
  return isGood;
}

/** Returns a scenario with rights; guests may write, or most attacks would be none. */
function rightsOn(scenario: Scenario): Scenario {
  return scenario.hasRights ? scenario : withRights(scenario, "write");
}

/** Plays one scenario against a build and prints what happened; undefined where it could not be played. */
async function play(scenario: Scenario, { label, root }: Build): Promise<Outcome | undefined> {
  try {
    const outcome = await runScenario(scenario, root);
    process.stdout.write(`${reportOf({ build: label, outcome })}\n`);
    return outcome;
  } catch (error) {
    process.stdout.write(`BROKEN ${scenario.name} (${label}): could not be played: ${String(error)}\n\n`);
    return undefined;
  }
}

function measuredOn(): string {
  const date = new Date().toISOString().slice(0, 10);
  const load = loadavg()[0]?.toFixed(1);
  const machine = `${cpus().length} processors shared by processes, Redis, honest people and the attacker`;
  return `${date}, Node.js ${process.version}; ${machine} (load average ${load}).`;
}

function builds(): readonly Build[] {
  const now: Build = { label: "now", root: ROOT };
  if (values.against === undefined) return [now];
  const file = resolve(values.against);
  if (!existsSync(file)) {
    process.stderr.write(`${file} is not there\n${USAGE}`);
    process.exit(2);
  }
  return [{ label: "before", root: `${dirname(dirname(file))}/` }, now];
}
