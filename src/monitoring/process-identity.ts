import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ProcessIdentity } from "./process-stats.ts";

/** The program's version from package.json, which is beside `src` and `dist`. */
const VERSION = versionOf(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

/** Digits of a commit's name that are kept. */
const COMMIT_DIGITS = 12;

/**
 * Draws a random id for this process. DYNO does not suffice: two processes that run at the same time may
 * share it.
 */
export function drawInstance(): string {
  return randomBytes(8).toString("hex");
}

/** Returns the identity of this process; the platform's names come from its dyno metadata. */
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
