import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { ClosingLine } from "./test/kit/closing-line.ts";

/** One folder of test/ is one kind of test. Times in ms; a slow machine with two cores needs the larger ones. */
function kind(name: string, testTimeout: number, retry = 0): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      globalSetup: ["test/kit/global-setup.ts"],
      testTimeout,
      retry,
      hookTimeout: testTimeout,
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      kind("unit", 10_000),
      kind("contract", 30_000),
      kind("system", 60_000),
      // Several browsers and servers on two cores: now and then one starves for longer than a test waits.
      kind("browser", 60_000, 2),
      kind("checker", 60_000),
    ],
    // The system tests start several processes each; more at a time only makes each of them slower.
    maxWorkers: 2,
    // A process of its own: what a test started dies with it (test/kit/server.ts).
    pool: "forks",
    reporters: ["default", new ClosingLine()],
  },
});
