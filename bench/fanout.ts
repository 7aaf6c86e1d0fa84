/**
 * `npm run bench`: what a delivery costs here and elsewhere, side by side in one run.
 *
 *   npm run bench                              everything, about 25 minutes; writes bench/, docs/performance.md
 *   npm run bench -- --quick                   less of everything, under 3 minutes; writes dist/bench/
 *   npm run bench -- --only wide,hot           some loads; writes dist/bench/
 *   npm run bench -- --systems dynochat        some systems; writes dist/bench/
 *
 * BENCH_PROFILES=folder keeps a CPU profile of each server that ends by SIGTERM, as dynochat does.
 */
import { fileURLToPath } from "node:url";
import { buildAll } from "./build.ts";
import { type BenchOptions, readOptions } from "./options.ts";
import { Progress } from "./report/progress.ts";
import { writeReport } from "./report/write.ts";
import { runAll } from "./run.ts";

if (process.platform === "linux") await bench(optionsOrExit());
else giveUp("the bench reads CPU and memory from /proc, which only Linux has");

async function bench({ loads, systems, complete }: BenchOptions): Promise<void> {
  process.stderr.write("building\n");
  await buildAll();
  const progress = new Progress();
  const results = await runAll(loads, systems, progress);
  const folder = fileURLToPath(new URL(complete ? "./" : "../dist/bench/", import.meta.url));
  writeReport({ loads, systems, results }, folder, complete);
  process.stderr.write(`written: ${folder}\n`);
  if (progress.failures > 0) process.exitCode = 1;
}

function optionsOrExit(): BenchOptions {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    giveUp(error instanceof Error ? error.message : String(error));
  }
}

function giveUp(reason: string): never {
  process.stderr.write(`bench: ${reason}\n`);
  process.exit(2);
}
