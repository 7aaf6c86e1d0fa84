import cluster from "node:cluster";
import { config } from "dotenv";
import { LogLines } from "../logging/log-lines.ts";
import { Output } from "../logging/log-output.ts";
import { drawInstance, identityOf } from "../monitoring/process-identity.ts";
import { readSettings, type Settings, SettingsError } from "../settings/settings.ts";
import { endLimitMs } from "./graceful-shutdown.ts";
import { processLogger, processOutput, runProcess } from "./process.ts";
import { planProcesses } from "./process-plan.ts";
import { Workers } from "./workers.ts";

// The environment takes precedence over the file, and production has no file.
if (process.env["NODE_ENV"] !== "production") config({ quiet: true });

const settings = settingsOrExit();
try {
  const { workers, heapMib } = planProcesses(settings, process.env);
  if (cluster.isPrimary && workers > 0) startWorkers(workers, heapMib);
  else await runProcess(settings, endStartOfAll);
} catch (error) {
  endStart(error instanceof Error ? error.message : String(error));
}

function settingsOrExit(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (error instanceof SettingsError) endStart(error.message);
    throw error;
  }
}

function startWorkers(count: number, heapMib: number | undefined): void {
  const identity = identityOf(drawInstance(), process.env);
  const output = processOutput(identity);
  const errors = new LogLines({ output: new Output(2) });
  const options = { count, heapMib, endMs: endLimitMs(settings.shutdownSeconds), output, errors };
  new Workers(options, processLogger(settings, identity, output), endStart).start();
}

/** Lets the parent of this worker end the program, with the other workers. */
function endStartOfAll(reason: string): void {
  if (!cluster.isWorker || process.send === undefined) endStart(reason);
  else process.send({ startFails: reason }, () => process.exit(1));
}

/** Ends the program with one line that says why it does not start. */
function endStart(reason: string): never {
  // Written at exit, after the log lines, so that the reason is the last line.
  new LogLines({ output: new Output(2) }).write(`dynochat does not start: ${reason}\n`);
  process.exit(1);
}
