import type { GeneratorCalls } from "./calls.ts";
import { Crowd } from "./crowd.ts";

/** A call from the process that started this one, and its answer. */
export interface CallMessage {
  readonly id: number;
  readonly name: keyof GeneratorCalls;
  readonly argument: unknown;
}

export type AnswerMessage =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };

const crowd = new Crowd();

process.on("message", (message: CallMessage) => {
  void answer(message);
});
// The parent process has ended.
process.on("disconnect", () => process.exit(0));

async function answer({ id, name, argument }: CallMessage): Promise<void> {
  try {
    // What a call is given is typed where it is made, in generator/remote.ts.
    const call: (argument: never) => Promise<unknown> = crowd[name].bind(crowd);
    process.send?.({ id, value: await call(argument as never) } satisfies AnswerMessage);
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
