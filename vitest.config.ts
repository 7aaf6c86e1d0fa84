import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { ClosingLine } from "./test/kit/vitest/closing-line.ts";
import { MixedOrder } from "./test/kit/vitest/mixed-order.ts";

/**
 * One folder of test/ is one kind of test. Times in ms; a slow machine with two cores needs the larger ones, and all are
 * longer than `waitFor` is patient: it says what was awaited in vain.
 */
function kind(name: string, testTimeout: number): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      setupFiles: ["test/kit/vitest/each-file.ts"],
      globalSetup: ["test/kit/vitest/global-setup.ts"],
      testTimeout,
      hookTimeout: testTimeout,
      // These share a worker's modules: to load them anew for each file took more than 40 % of the unit tests' processor
      // time. The others have files of the kit that keep hooks of their own.
      isolate: name !== "unit" && name !== "browser",
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      kind("unit", 30_000),
      kind("contract", 30_000),
      kind("system", 120_000),
      kind("browser", 120_000),
      // Run by `npm run test:slow`: leases, drains and outages of real length, seeds of the checker, and mutants.
      kind("slow", 120_000),
    ],
    // Twice the processors of a small machine and one: many tests wait for clocks (leases, windows, outages) and use none.
    maxWorkers: 5,
    // A process of its own: what a test started dies with it (test/kit/servers/server.ts).
    pool: "forks",
    sequence: { sequencer: MixedOrder },
    reporters: ["default", new ClosingLine()],
  },
});
