import { LIMITS } from "../protocol.ts";
import { skeleton } from "./look-alike.ts";
import { failure, type Result, success } from "./result.ts";

/** The server's own name on plain sockets; nobody else may look like it. */
export const SYSTEM_HANDLE = "system";

/** What a handle cannot contain. */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** UTF-16 units of a name that are looked at: more than the longest handle has, whatever is removed from it. */
const NAME_UNITS = 1_000;

const BAD_HANDLE = failure({
  code: "bad-handle",
  message: "A handle is 1 to 32 characters without control characters, and not the chat's own name.",
} as const);

/**
 * Returns a handle as it is shown: NFKC, trimmed; undefined where it is empty, which counts as missing. Fails with
 * `bad-handle` where it is too long, holds control or format characters, or looks like `system`.
 */
export function readHandle(given: string): Result<string | undefined> {
  const handle = given.normalize("NFKC").trim();
  if (handle === "") return success(undefined);
  if (Array.from(handle).length > LIMITS.handleLength || handle.search(FORBIDDEN) >= 0) return BAD_HANDLE;
  return skeleton(handle) === skeleton(SYSTEM_HANDLE) ? BAD_HANDLE : success(handle);
}

/**
 * Returns the handle made of a name whose owner cannot change it (the embedding site gave it, or another version of this
 * server stored it): without what a handle cannot contain, and cut to its length. Undefined where no handle can be made of it.
 */
export function handleFrom(name: string): string | undefined {
  const allowed = name.slice(0, NAME_UNITS).normalize("NFKC").replace(FORBIDDEN, "").trim();
  const handle = readHandle(Array.from(allowed).slice(0, LIMITS.handleLength).join(""));
  return handle.ok ? handle.value : undefined;
}
