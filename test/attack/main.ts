import { existsSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../kit/program.ts";
import { brokenLimits, type Labelled, markdownOf, reportOf } from "./report.ts";
import { runScenario } from "./run-scenario.ts";
import { SCENARIOS, scenarioNamed } from "./scenarios.ts";

const USAGE = `npm run attack -- [--only name,name] [--against path/to/other/dist/main.js] [--markdown]
scenarios: ${SCENARIOS.map(({ name }) => name).join(" ")}
--against runs every attack against that build too, first; what breaks there does not count.
`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    against: { type: "string" },
    markdown: { type: "boolean", default: false },
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
  readonly house: string;
}

/** Plays the scenarios; whether this build keeps every limit. */
async function run(): Promise<boolean> {
  const scenarios = values.only?.split(",").map(scenarioNamed) ?? SCENARIOS;
  const outcomes: Labelled[] = [];
  let isGood = true;
  for (const scenario of scenarios) {
    for (const { label, house } of builds()) {
      if (label === "before" && scenario.isOfThisBuildOnly) continue;
      try {
        const outcome = await runScenario(scenario, house);
        outcomes.push({ build: label, outcome });
        process.stdout.write(`${reportOf({ build: label, outcome })}\n`);
        if (label === "now" && brokenLimits(outcome).length > 0) isGood = false;
      } catch (error) {
        process.stdout.write(`BROKEN ${scenario.name} (${label}): could not be played: ${String(error)}\n\n`);
        if (label === "now") isGood = false;
      }
    }
  }
  if (values.markdown) {
    const machine = `${cpus().length} processors shared by processes, Redis, honest people and the attacker (load average ${loadavg()[0]?.toFixed(1)})`;
    process.stdout.write(
      `${new Date().toISOString().slice(0, 10)}, Node.js ${process.version}; ${machine}.\n\n${markdownOf(outcomes)}\n`,
    );
  }
  process.stdout.write(isGood ? "every limit is kept\n" : "limits are broken\n");
  return isGood;
}

function builds(): readonly Build[] {
  const now: Build = { label: "now", house: ROOT };
  if (values.against === undefined) return [now];
  const file = resolve(values.against);
  if (!existsSync(file)) {
    process.stderr.write(`${file} is not there\n${USAGE}`);
    process.exit(2);
  }
  return [{ label: "before", house: `${dirname(dirname(file))}/` }, now];
}
