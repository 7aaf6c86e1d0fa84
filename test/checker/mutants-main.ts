import { parseArgs } from "node:util";
import { MUTANTS } from "./mutants.ts";
import { hunt } from "./mutation.ts";

/** Seeds in which each mutant must be found. */
const SEEDS = 20;

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });

let escaped = 0;
for (const mutant of MUTANTS.filter(({ name }) => name.includes(values.only))) {
  const begin = performance.now();
  const caught = await hunt(mutant, SEEDS);
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  if (caught === undefined) escaped += 1;
  const outcome =
    caught === undefined
      ? `NOT FOUND in ${SEEDS} seeds`
      : `found by seed ${caught.seed}: ${caught.finding.wrong}: ${caught.finding.sentence}`;
  process.stdout.write(`${mutant.name}\n  ${seconds} s, ${outcome}\n`);
}
process.exitCode = escaped === 0 ? 0 : 1;
