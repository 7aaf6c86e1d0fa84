import type { HandleClaim, RequestedHandle } from "../log.ts";

/** What handles.lua is told of a handle: its first look, and what else is not the same as usual. */
interface Packed {
  readonly first: string;
  readonly rest: string;
}

const PACKED = new WeakMap<RequestedHandle, Packed>();

/** Returns the arguments by which handles.lua knows a claim: owner, first look, rest. */
export function claimArguments({ user, isGuest, requested }: HandleClaim): [string, string, string] {
  const { first, rest } = PACKED.get(requested) ?? pack(requested);
  return [(isGuest ? "0" : "1") + user, first, rest];
}

/** Returns the looks of a handle as two arguments, of which the second may be empty. */
export function lookArguments({ looks: [first = "", second = ""] }: RequestedHandle): [string, string] {
  return [first, second];
}

function pack(requested: RequestedHandle): Packed {
  const { handle, looks, stem } = requested;
  const [first, second] = lookArguments(requested);
  const [stemFirst = "", stemSecond = ""] = stem.looks;
  const isUsual =
    second === "" && stem.handle === handle && stemFirst === first && looks.length === stem.looks.length;
  // A line feed stands in no handle and in no look.
  const lines = [second, stemFirst, stemSecond, JSON.stringify(stem.handle).slice(1, -1)];
  const packed = { first, rest: isUsual ? "" : lines.join("\n") };
  PACKED.set(requested, packed);
  return packed;
}
