import { describe, expect, it } from "vitest";
import { MUTANTS } from "../checker/mutants.ts";
import { hunt } from "../checker/mutation.ts";

/** Each was found within the first three; a mutant that needs more than this is not found. */
const SEEDS = 20;
/** 20 seeds of 5 s, and the last one's wait for what never comes, ms. */
const HUNT_MS = 180_000;

describe("the checker finds a program in which", () => {
  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    "%s",
    async (_name, mutant) => {
      const caught = await hunt(mutant, SEEDS);
      expect(caught?.finding.sentence).toMatch(/s\d+-/);
    },
    HUNT_MS,
  );
});
