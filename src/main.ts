import cluster from "node:cluster";
import { config } from "dotenv";
import { processLogger, runProcess } from "./process.ts";
import { readSettings, type Settings, SettingsError, unavailableSettings } from "./settings.ts";
import { Workers } from "./workers.ts";

// The real environment wins over the file, and production has no file.
if (process.env["NODE_ENV"] !== "production") config({ quiet: true });

const settings = settingsOrExit();
try {
  if (cluster.isPrimary && workersOf(settings) > 1)
    new Workers(workersOf(settings), processLogger(settings)).start();
  else await runProcess(settings);
} catch (error) {
  endStart(error instanceof Error ? error.message : String(error));
}

function settingsOrExit(): Settings {
  try {
    const read = readSettings(process.env);
    const [unavailable] = unavailableSettings(read);
    if (unavailable !== undefined) endStart(`${unavailable} is not available in this version`);
    return read;
  } catch (error) {
    if (error instanceof SettingsError) endStart(error.message);
    throw error;
  }
}

/** Workers cannot share an embedded log: without Redis there is one process. */
function workersOf({ redisUrl, webConcurrency }: Settings): number {
  return redisUrl === undefined ? 1 : webConcurrency;
}

/** Says in one line why the program does not start. */
function endStart(reason: string): never {
  // Behind the log lines that are written when the process exits: the reason is the last thing to be read.
  process.once("exit", () => process.stderr.write(`dynochat does not start: ${reason}\n`));
  process.exit(1);
}
