import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** A program that the tests run for real, and the Debian package that holds it. */
interface Program {
  readonly names: readonly string[];
  readonly debianPackage: string;
}

const REDIS: Program = { names: ["redis-server"], debianPackage: "redis-server" };
const OPENSSL: Program = { names: ["openssl"], debianPackage: "openssl" };
const CHROMIUM: Program = {
  names: ["chromium", "chromium-browser", "google-chrome"],
  debianPackage: "chromium",
};

/** What must be built, and a file that tells whether it is. */
interface Build {
  readonly script: string;
  readonly file: string;
}

const PAGE: Build = { script: "build:page", file: "public/build/index.html" };
const SERVER: Build = { script: "build", file: "dist/main.js" };

interface Needs {
  readonly programs: readonly Program[];
  readonly builds: readonly Build[];
}

const NEEDS: Readonly<Record<string, Needs>> = {
  unit: { programs: [], builds: [PAGE] },
  contract: { programs: [REDIS, OPENSSL], builds: [] },
  system: { programs: [REDIS, OPENSSL], builds: [SERVER, PAGE] },
  slow: { programs: [REDIS, OPENSSL], builds: [SERVER, PAGE] },
  checker: { programs: [REDIS], builds: [SERVER, PAGE] },
  browser: { programs: [REDIS, CHROMIUM], builds: [SERVER, PAGE] },
};

/**
 * Makes sure that what a kind of test runs for real is there: installs Debian's packages where it may, else
 * throws with the command that would.
 */
export function setup(project: TestProject): void {
  const needs = NEEDS[project.name];
  if (needs === undefined) throw new Error(`no needs are listed for the tests of ${project.name}`);
  const missing = needs.programs.filter(isMissing).map((program) => program.debianPackage);
  if (missing.length > 0) install(missing);
  for (const { script, file } of needs.builds) {
    if (!existsSync(ROOT + file)) run("npm", ["run", script]);
  }
}

function isMissing(program: Program): boolean {
  return !program.names.some((name) => isOnPath(name));
}

function isOnPath(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
}

function install(packages: readonly string[]): void {
  const mayInstall = process.getuid?.() === 0 && isOnPath("apt-get");
  const command = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  if (!mayInstall) {
    throw new Error(
      `these tests need ${packages.join(" and ")}; on Debian or Ubuntu: sudo sh -c '${command}'`,
    );
  }
  process.stderr.write(`The tests need ${packages.join(" and ")}; installing: ${command}\n`);
  // Debian's package would start a server of its own on the standard port.
  run("sh", ["-c", command], { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" });
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}\n${stderr}`);
}
