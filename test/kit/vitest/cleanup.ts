import { onTestFinished, TestRunner } from "vitest";

type Undo = () => unknown;

const atEndOfFile: Undo[] = [];

/** Undoes what the file that ends has set up outside its tests. */
export async function endFile(): Promise<void> {
  for (const undo of atEndOfFile.splice(0).reverse()) await undo();
}

/**
 * Runs `undo` when the current test is over, however it ended; outside a test (in a `beforeAll`), when its
 * file is. The latest comes first.
 */
export function afterwards(undo: Undo): void {
  if (TestRunner.getCurrentTest() === undefined) atEndOfFile.push(undo);
  else onTestFinished(async () => void (await undo()));
}
