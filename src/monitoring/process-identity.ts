import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ProcessIdentity } from "./process-stats.ts";

/** The program's version, as package.json beside `src` and `dist` has it. */
const VERSION = versionOf(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

/** A commit is named by this many of its digits. */
const COMMIT_DIGITS = 12;

/** Draws an id for this process: DYNO may be shared by two that live at once. */
export function drawInstance(): string {
  return randomBytes(8).toString("hex");
}

/** Who this process is; the platform's words come from its dyno metadata. */
export function identityOf(
  instance: string,
  env: Readonly<Record<string, string | undefined>>,
): ProcessIdentity {
  const dyno = env["DYNO"];
  const release = env["HEROKU_RELEASE_VERSION"];
  const commit = env["HEROKU_SLUG_COMMIT"]?.slice(0, COMMIT_DIGITS);
  return {
    instance,
    pid: process.pid,
    ...(dyno ? { dyno } : {}),
    ...(release ? { release } : {}),
    ...(commit ? { commit } : {}),
    version: VERSION,
    node: process.versions.node,
  };
}

function versionOf(packageJson: string): string {
  const { version }: { version?: unknown } = JSON.parse(packageJson);
  return typeof version === "string" ? version : "unknown";
}
