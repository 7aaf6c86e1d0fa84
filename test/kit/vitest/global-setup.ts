import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** A program that the tests run for real, and the Debian package that holds it. */
interface Program {
  readonly names: readonly string[];
  readonly debianPackage: string;
  /** Another program does the same at a higher cost: where this one cannot be installed, the tests run without it. */
  readonly isOptional?: boolean;
}

const REDIS: Program = { names: ["redis-server"], debianPackage: "redis-server" };
const OPENSSL: Program = { names: ["openssl"], debianPackage: "openssl" };
const CHROMIUM: Program = {
  names: ["chromium", "chromium-browser", "google-chrome"],
  debianPackage: "chromium",
};
const HEADLESS_SHELL: Program = {
  names: ["chromium-headless-shell"],
  debianPackage: "chromium-headless-shell",
  isOptional: true,
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
  browser: { programs: [REDIS, CHROMIUM, HEADLESS_SHELL], builds: [SERVER, PAGE] },
};

/**
 * Makes sure that what a kind of test runs for real is there: installs Debian's packages where it may, else
 * throws with the command that would.
 */
export function setup(project: TestProject): void {
  const needs = NEEDS[project.name];
  if (needs === undefined) throw new Error(`no needs are listed for the tests of ${project.name}`);
  const missing = needs.programs.filter(isMissing);
  const required = missing.filter(({ isOptional = false }) => !isOptional);
  if (required.length > 0) install(required.map(({ debianPackage }) => debianPackage));
  for (const program of missing) if (program.isOptional === true) tryToInstall(program);
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
  const command = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  if (!mayInstall()) {
    throw new Error(
      `these tests need ${packages.join(" and ")}; on Debian or Ubuntu: sudo sh -c '${command}'`,
    );
  }
  process.stderr.write(`The tests need ${packages.join(" and ")}; installing: ${command}\n`);
  run("sh", ["-c", command], INSTALLING);
}

/** Installs what a fresh list of packages holds, within a minute; asks no network that does not answer for long. */
function tryToInstall({ debianPackage }: Program): void {
  if (!mayInstall()) return;
  const quick = "apt-get -o Acquire::Retries=0 -o Acquire::http::Timeout=5";
  const command = `${quick} update && ${quick} install -y --no-install-recommends ${debianPackage}`;
  process.stderr.write(`The tests are faster with ${debianPackage}; trying: ${command}\n`);
  const { status } = spawnSync("timeout", ["60", "sh", "-c", command], {
    env: { ...process.env, ...INSTALLING },
  });
  if (status !== 0) process.stderr.write(`${debianPackage} could not be installed; going on without it\n`);
}

function mayInstall(): boolean {
  return process.getuid?.() === 0 && isOnPath("apt-get");
}

/** Debian's packages would ask questions, and Redis's start a server of its own on the standard port. */
const INSTALLING = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}\n${stderr}`);
}
