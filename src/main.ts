import { refusedNode } from "./process/node-version.ts";

// Checked before anything else is loaded: static imports would run first, and may fail on an old version.
const refused = refusedNode();
if (refused === undefined) {
  await import("./process/run.ts");
} else {
  process.stderr.write(`dynochat does not start: ${refused}\n`);
  process.exitCode = 1;
}
