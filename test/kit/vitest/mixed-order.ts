import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Tests that use a processor from beginning to end, in many small files. */
const LAST = "unit";

/**
 * Takes a file of each kind in turn, the largest first. One kind after the other, all browsers would start at once, and later
 * all workers would wait for clocks while the machine has nothing to do. The small files of the unit tests come last: a worker
 * keeps its modules only for a next file of the same kind, and none of them is still running long after the others.
 */
export class MixedOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const kinds = new Map<string, TestSpecification[]>();
    for (const file of await super.sort(files)) {
      const { name } = file.project;
      kinds.set(name, [...(kinds.get(name) ?? []), file]);
    }
    const last = kinds.get(LAST) ?? [];
    kinds.delete(LAST);
    const rounds = Math.max(0, ...[...kinds.values()].map(({ length }) => length));
    const mixed = Array.from({ length: rounds }, (_, round) =>
      [...kinds.values()].flatMap((kind) => kind.slice(round, round + 1)),
    ).flat();
    return [...mixed, ...last];
  }
}
