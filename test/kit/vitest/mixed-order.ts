import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Takes a file of each kind in turn, the largest first. One kind after the other, three browsers would be starved at first,
 * and later three tests would wait for clocks while the machine has nothing to do.
 */
export class MixedOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const kinds = new Map<string, TestSpecification[]>();
    for (const file of await super.sort(files)) {
      const { name } = file.project;
      kinds.set(name, [...(kinds.get(name) ?? []), file]);
    }
    const rounds = Math.max(0, ...[...kinds.values()].map(({ length }) => length));
    return Array.from({ length: rounds }, (_, round) =>
      [...kinds.values()].flatMap((kind) => kind.slice(round, round + 1)),
    ).flat();
  }
}
