import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../servers/program.ts";

const run = promisify(execFile);

/** What the platform runs: the source, built, without what is needed only for building. */
export interface Slug {
  /** With a slash at its end. */
  readonly folder: string;
}

/** MiB: of the files, and of all of them packed, as the platform counts them against its limit. */
export interface SlugSize {
  readonly unpacked: number;
  readonly packed: number;
}

export interface BuildOptions {
  /**
   * `registry`: `npm ci`, as the platform does. `here`: the packages that are installed in this folder, for a
   * test that must not depend on a network; they are checked against the lockfile all the same, by `npm ls`.
   */
  readonly packages: "registry" | "here";
  /** Hears what is done. */
  readonly say?: (step: string) => void;
}

/** Folders that are made by building and installing. */
const MADE = new Set(["node_modules", "dist", "coverage", join("public", "build"), ".git"]);

/**
 * Does what the platform's buildpack for Node does with a push: the committed tree, packages with those for
 * development, `npm run build`, `npm prune --omit=dev`. Rejects with the output of the step that failed.
 * `discard` removes it.
 */
export async function buildSlug({ packages, say = () => undefined }: BuildOptions): Promise<Slug> {
  const folder = `${await mkdtemp(join(tmpdir(), "dynochat-slug-"))}/`;
  try {
    say(await checkOut(folder));
    if (packages === "registry") {
      say("npm ci, with the packages for development");
      await npm(folder, WITH_DEVELOPMENT, "ci");
    } else {
      say("the packages that are installed here");
      // Linked where that can be done: nothing changes them, and removing a link removes nothing else.
      await run("sh", ["-c", 'cp -al "$1" "$2" || cp -a "$1" "$2"', "sh", `${ROOT}node_modules`, folder]);
    }
    say("npm run build");
    await npm(folder, WITH_DEVELOPMENT, "run", "build");
    say("npm prune --omit=dev");
    await npm(folder, {}, "prune", "--omit=dev");
    await npm(folder, {}, "ls", "--all");
    return { folder };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

export async function sizeOf({ folder }: Slug): Promise<SlugSize> {
  const unpacked = await run("sh", ["-c", 'du -s --apparent-size -k "$1" | cut -f1', "sh", folder]);
  const packed = await run("sh", ["-c", 'tar -C "$1" -cz . | wc -c', "sh", folder]);
  return { unpacked: Number(unpacked.stdout) / 1024, packed: Number(packed.stdout) / 1024 / 1024 };
}

/** The program that is built in this folder, as it is. */
export function slugHere(): Slug {
  return { folder: ROOT };
}

/** Removes a slug that was built. */
export async function discard({ folder }: Slug): Promise<void> {
  if (folder !== ROOT) await rm(folder, { recursive: true, force: true });
}

/** The committed tree; without a repository, the source as it lies here. */
async function checkOut(folder: string): Promise<string> {
  if (!existsSync(join(ROOT, ".git"))) {
    await cp(ROOT, folder, { recursive: true, filter: (path) => !MADE.has(relative(ROOT, path)) });
    return "the source of this folder";
  }
  const tree = join(folder, "tree.tar");
  await git("archive", "--output", tree, "HEAD");
  await run("tar", ["-x", "-f", tree, "-C", folder]);
  await rm(tree);
  const { stdout } = await git("rev-parse", "--short", "HEAD");
  return `the committed tree, ${stdout.trim()}`;
}

/** In this repository, also if the files belong to another user. */
function git(...args: string[]) {
  return run("git", ["-C", ROOT, "-c", "safe.directory=*", ...args]);
}

/**
 * As the buildpack sets it until the build is over: without it production would leave out what the build
 * needs.
 */
const WITH_DEVELOPMENT = { NPM_CONFIG_INCLUDE: "dev" };

async function npm(cwd: string, more: Readonly<Record<string, string>>, ...args: string[]): Promise<void> {
  const env = { ...process.env, NODE_ENV: "production", ...more };
  try {
    await run("npm", args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stdout = "", stderr = "" }: { stdout?: string; stderr?: string } = Object(error);
    throw new Error(`npm ${args.join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
