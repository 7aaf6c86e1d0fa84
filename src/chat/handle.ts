import { LIMITS } from "../protocol.ts";
import { skeleton } from "./look-alike.ts";
import { failure, type Result, success } from "./result.ts";

/** The server's own name on plain sockets; nobody else may look like it. */
export const SYSTEM_HANDLE = "system";

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
  if (
    Array.from(handle).length > LIMITS.handleLength ||
    /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u.test(handle)
  ) {
    return BAD_HANDLE;
  }
  return skeleton(handle) === skeleton(SYSTEM_HANDLE) ? BAD_HANDLE : success(handle);
}
