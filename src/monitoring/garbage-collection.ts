import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/**
 * Collects all garbage now, which stops the process for some milliseconds per 100 MB of objects. V8 collects
 * by itself only when something is allocated, so an idle process keeps memory that it no longer needs.
 */
export function collectGarbage(): void {
  collect ??= garbageCollector();
  collect();
}

/** Returns V8's function, which exists in contexts that are made while the flag is set. */
function garbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const found: unknown = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  return typeof found === "function" ? () => Reflect.apply(found, undefined, []) : () => undefined;
}
