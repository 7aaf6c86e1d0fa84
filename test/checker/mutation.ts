import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../kit/servers/program.ts";
import { Checker } from "./checker.ts";
import { applyEdits, builtName, type Edited } from "./edits.ts";
import type { Finding } from "./findings.ts";
import type { Mutant } from "./mutants.ts";

/** Of a seed. A client that is not back in time, as on a slow machine, is no proof. */
const NAMES_A_ROOM = /\bs\d+-/;

/** A mutant that the checker found, and with what. */
export interface Caught {
  readonly seed: number;
  readonly finding: Finding;
}

/**
 * Runs seeds on the mutant, from 1 on, until one shows it. Undefined: none of them did.
 * Rejects if an edit does not fit: then the mutation must be renewed.
 * @param built the folder whose `dist` is copied, with a slash at its end.
 */
export async function hunt(mutant: Mutant, seeds: number, built = ROOT): Promise<Caught | undefined> {
  const root = await mkdtemp(join(tmpdir(), "dynochat-mutant-"));
  try {
    await buildEdited(mutant, built, root);
    return await search(mutant, seeds, `${root}/`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function search(mutant: Mutant, seeds: number, root: string): Promise<Caught | undefined> {
  const { mixture, shows } = mutant;
  const checker = await Checker.start({ processes: 3, ...mixture, root });
  try {
    for (let seed = 1; seed <= seeds; seed += 1) {
      const { findings } = await checker.run(seed);
      const finding = findings.list.find(
        ({ wrong, sentence }) => shows.includes(wrong) && NAMES_A_ROOM.test(sentence),
      );
      if (finding !== undefined) return { seed, finding };
    }
    return undefined;
  } finally {
    await checker.stop();
  }
}

/**
 * Puts the built program of `built`, changed, into `root`, beside what it needs. Rejects where an edit
 * does not fit.
 */
export async function buildEdited(change: Edited, built: string, root: string): Promise<void> {
  await cp(join(built, "dist"), join(root, "dist"), { recursive: true });
  await cp(join(built, "package.json"), join(root, "package.json"));
  for (const folder of ["node_modules", "public"]) await symlink(join(built, folder), join(root, folder));
  for (const file of new Set(change.edits.map((edit) => edit.file))) {
    const path = join(root, "dist", builtName(file));
    await writeFile(path, applyEdits(change, file, await readFile(path, "utf8")));
  }
}
