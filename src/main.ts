import { refusedNode } from "./node-version.ts";

// Before everything else is loaded: static imports would be first, and may fail on an old version by themselves.
const refused = refusedNode();
if (refused === undefined) {
  await import("./start.ts");
} else {
  process.stderr.write(`dynochat does not start: ${refused}\n`);
  process.exitCode = 1;
}
