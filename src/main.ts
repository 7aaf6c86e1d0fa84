import { refusedNode } from "./process/node-version.ts";

// Before everything else is loaded: static imports would be first, and may fail on an old version by themselves.
const refused = refusedNode();
if (refused === undefined) {
  await import("./process/run.ts");
} else {
  process.stderr.write(`dynochat does not start: ${refused}\n`);
  process.exitCode = 1;
}
