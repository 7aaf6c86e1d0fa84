import { StoreUnavailable } from "../store.ts";
import { UnusableServer } from "./node/unusable-server.ts";

/** What a failed command means for its caller. */
export type Failure =
  /** Redis has no memory left; nothing was written. */
  | "storage-full"
  /** This server accepts no writes: it became a replica, or lost its own replicas. */
  | "not-writable"
  /** A lost connection, a time limit, or a server that is not ready: expected to pass. */
  | "unavailable"
  /** Another error: a defect here or a client's data, which is logged as an error. */
  | "unexpected";

const NOT_WRITABLE = new Set(["READONLY", "MASTERDOWN"]);
const PASSING = new Set(["NOREPLICAS", "LOADING", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "BUSY", "NOAUTH"]);
/** Errors due to the configuration of the server or of its user, which stay until the operator changes it. */
const REFUSED =
  /^(NOPERM|DENIED|ERR unknown command|ERR max number of clients|ERR .*The user executing the script)/i;
const CONNECTION =
  /^(Command timed out|Connection is closed|Stream isn't writeable|Command aborted|Socket closed)/;

/** Redis before 7 wraps the error of a script's command: `ERR Error running script … -OOM command …`. */
function codeOf(message: string): string {
  return /^ERR Error running script.* -?([A-Z]+) /.exec(message)?.[1] ?? /^[A-Z]+/.exec(message)?.[0] ?? "";
}

/** An error reply of the server. */
interface ReplyError extends Error {
  readonly name: "ReplyError";
}

/**
 * Returns whether an error is a reply of the server. Decided by its name, because ioredis's class has no
 * types.
 */
export function isReply(error: unknown): error is ReplyError {
  return error instanceof Error && error.name === "ReplyError";
}

/** Returns whether an error says that a key holds another type of value than the command needs. */
export function isWrongType(error: unknown): boolean {
  return isReply(error) && codeOf(error.message) === "WRONGTYPE";
}

export function classify(error: unknown): Failure {
  if (error instanceof StoreUnavailable || error instanceof UnusableServer) return "unavailable";
  if (!(error instanceof Error)) return "unexpected";
  if (isReply(error)) {
    const code = codeOf(error.message);
    if (code === "OOM") return "storage-full";
    if (NOT_WRITABLE.has(code)) return "not-writable";
    return PASSING.has(code) ? "unavailable" : "unexpected";
  }
  return "code" in error || CONNECTION.test(error.message) ? "unavailable" : "unexpected";
}

/** Returns whether the server refused a command because of its configuration, and will refuse it again. */
export function isRefusedBySetup(error: unknown): boolean {
  return isReply(error) && REFUSED.test(error.message);
}

/** Returns the reply to a command; `instead` if this user may not run it, which is logged elsewhere, once. */
export async function unlessRefused<T>(reply: Promise<T>, instead: T): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (isRefusedBySetup(error)) return instead;
    throw error;
  }
}

const SELF_SIGNED = "Redis's certificate is self-signed; set REDIS_CA, or REDIS_TLS_VERIFY=false";

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Redis refuses connections",
  ECONNRESET: "Redis closed the connection",
  EPIPE: "Redis closed the connection",
  ENOTFOUND: "Redis's host name is not known",
  EAI_AGAIN: "Redis's host name cannot be looked up",
  ETIMEDOUT: "Redis does not answer",
  EHOSTUNREACH: "Redis's host cannot be reached",
  ENETUNREACH: "Redis's host cannot be reached",
  DEPTH_ZERO_SELF_SIGNED_CERT: SELF_SIGNED,
  SELF_SIGNED_CERT_IN_CHAIN: SELF_SIGNED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "Redis's certificate cannot be verified; set REDIS_CA",
  ERR_TLS_CERT_ALTNAME_INVALID: "Redis's certificate is for another host",
  CERT_HAS_EXPIRED: "Redis's certificate has expired",
  WRONGPASS: "Redis refuses the user or the password of its URL; correct them",
  NOAUTH: "Redis wants a password; add it to its URL",
  NOPERM: "Redis forbids a command to this user; change its ACL",
  DENIED: "Redis is in protected mode and accepts no connections from other hosts; give it a password",
  MISCONF: "Redis cannot save its data to disk and refuses writes; its own log says why",
  LOADING: "Redis is loading its data",
  READONLY: "Redis is a read-only replica; connect to its master",
  MASTERDOWN: "Redis has lost its master",
  NOREPLICAS: "Redis has too few replicas",
  CLUSTERDOWN: "the Redis cluster is down",
  OOM: "Redis is out of memory",
};

/**
 * Sentences for refusals whose code alone tells too little. Of their text only the name of a command is
 * repeated.
 */
const REFUSALS: readonly (readonly [RegExp, (command: string) => string])[] = [
  [
    /^ERR max number of clients/,
    () => "Redis has no connection left (maxclients); allow it more, or run fewer processes",
  ],
  [
    /^ERR (?:DB index is out of range|invalid DB index)/,
    () => "Redis has no database of that number; change the number in its URL",
  ],
  [/^ERR SELECT is not allowed/, () => "Redis is a node of a cluster, which has database 0 only"],
  [
    /^ERR unknown command ['`]?([a-z|]{1,20})\b/i,
    (command) => `Redis does not know the command ${command}: it was renamed, or the server is too old`,
  ],
  [/NOPERM .*\bchannels? /, () => "Redis forbids this user its channels; allow them in its ACL (&PREFIX*)"],
  [/NOPERM .*\bkeys? /, () => "Redis forbids this user its keys; allow them in its ACL (~PREFIX*)"],
  [
    /NOPERM .* run the '([a-z|]{1,20})' command/i,
    (command) => `Redis forbids this user the command ${command}; allow it in its ACL (+${command})`,
  ],
];

function setupText(message: string): string | undefined {
  for (const [pattern, words] of REFUSALS) {
    const found = pattern.exec(message);
    if (found !== null) return words((found[1] ?? "").toLowerCase());
  }
  return undefined;
}

/**
 * Returns a short description of an error, which says what helps. It is made from the error's code, and from
 * the beginnings above, never from the rest of its text, which may quote the command and so the password.
 */
export function describe(error: unknown): string {
  if (error instanceof StoreUnavailable) return error.message;
  if (!(error instanceof Error)) return "Redis failed";
  if (error instanceof UnusableServer) return error.message;
  if (isReply(error)) {
    const code = codeOf(error.message);
    return (
      setupText(error.message) ?? WORDS[code] ?? `Redis answered with ${code === "" ? "an error" : code}`
    );
  }
  if ("code" in error && typeof error.code === "string") {
    return WORDS[error.code] ?? `the connection to Redis failed (${error.code})`;
  }
  if (error.message.startsWith("Command timed out")) return "Redis does not answer";
  return "the connection to Redis was lost";
}
