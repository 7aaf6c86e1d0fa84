#!/usr/bin/env node
import { refusedNode } from "./process/node-version.ts";

// As in main.ts: checked before anything else is loaded.
const refused = refusedNode();
if (refused === undefined) {
  await import("./process/run-command.ts");
} else {
  process.stderr.write(`dynochat: ${refused}\n`);
  process.exitCode = 2;
}
