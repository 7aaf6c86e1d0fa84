import { config } from "dotenv";
import { tokenCommand } from "./token-command.ts";

// As the program itself does: the environment takes precedence over the file, and production has no file.
if (process.env["NODE_ENV"] !== "production") config({ quiet: true });

const result = await tokenCommand(process.argv.slice(2), process.env);
if (result.ok) process.stdout.write(`${result.value}\n`);
else {
  process.stderr.write(`dynochat: ${result.error}\n`);
  process.exitCode = 2;
}
