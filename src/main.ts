import { config } from "dotenv";
import { runProcess } from "./process.ts";
import { readSettings, type Settings, SettingsError, unavailableSettings } from "./settings.ts";

// The real environment wins over the file, and production has no file.
if (process.env["NODE_ENV"] !== "production") config({ quiet: true });

const settings = settingsOrExit();
try {
  await runProcess(settings);
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

/** Says in one line why the program does not start. */
function endStart(reason: string): never {
  process.stderr.write(`dynochat does not start: ${reason}\n`);
  process.exit(1);
}
