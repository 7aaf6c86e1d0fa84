import { LIMITS } from "../protocol.ts";
import { skeleton } from "./look-alike.ts";

/** The server's own name on plain sockets; nobody else may look like it. */
export const SYSTEM_HANDLE = "system";

/**
 * A handle as it is shown: NFKC, trimmed. Undefined where it is empty (counts as missing);
 * `"bad-handle"` where it is too long, holds control or format characters, or looks like `system`.
 */
export function readHandle(given: string): string | undefined | "bad-handle" {
  const handle = given.normalize("NFKC").trim();
  if (handle === "") return undefined;
  if (
    Array.from(handle).length > LIMITS.handleLength ||
    /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u.test(handle)
  ) {
    return "bad-handle";
  }
  return skeleton(handle) === skeleton(SYSTEM_HANDLE) ? "bad-handle" : handle;
}
