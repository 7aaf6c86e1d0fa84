import type { HandleClaim, RequestedHandle } from "../../store.ts";

/** The lines that describe a handle for handles.lua. */
const LINES = new WeakMap<RequestedHandle, string>();

/** Returns a claim in the form that handles.lua reads. */
export function claimArgument({ user, isGuest, requested }: HandleClaim): string {
  return `${isGuest ? 0 : 1}${user}\n${LINES.get(requested) ?? linesOf(requested)}`;
}

/** Returns the looks of a handle as two arguments, of which the second may be empty. */
export function lookArguments({ looks: [first = "", second = ""] }: RequestedHandle): [string, string] {
  return [first, second];
}

/** Returns the lines of a handle; no handle and no look contains a line feed. */
function linesOf(requested: RequestedHandle): string {
  const { handle, looks, stem } = requested;
  const [first, second] = lookArguments(requested);
  const [stemFirst = "", stemSecond = ""] = stem.looks;
  const isUsual =
    looks.length === 1 && stem.looks.length === 1 && stem.handle === handle && stemFirst === first;
  const rest = isUsual ? [] : [second, stemFirst, stemSecond, JSON.stringify(stem.handle).slice(1, -1)];
  const lines = [first, ...rest].join("\n");
  LINES.set(requested, lines);
  return lines;
}
