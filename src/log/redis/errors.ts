import { LogUnavailable } from "../log.ts";

/** What a failed command means for whoever asked. */
export type Failure =
  /** Redis has no memory left; nothing was written. */
  | "storage-full"
  /** This server takes no writes: it became a replica, or lost its own. */
  | "not-writable"
  /** The connection, a time limit, or a server that is not ready: expected to pass. */
  | "unavailable"
  /** None of these: a defect here or a stranger's data; worth an error line. */
  | "unexpected";

const NOT_WRITABLE = new Set(["READONLY", "MASTERDOWN"]);
const PASSING = new Set(["NOREPLICAS", "LOADING", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "BUSY", "NOAUTH"]);
const CONNECTION =
  /^(Command timed out|Connection is closed|Stream isn't writeable|Command aborted|Socket closed)/;

/** Redis before 7 wraps the error of a script's command: `ERR Error running script … -OOM command …`. */
function codeOf(message: string): string {
  return /^ERR Error running script.* -?([A-Z]+) /.exec(message)?.[1] ?? /^[A-Z]+/.exec(message)?.[0] ?? "";
}

/** An error that the server answered with. */
interface ReplyError extends Error {
  readonly name: "ReplyError";
}

/** Told by the name, because ioredis's own class for it is untyped. */
export function isReply(error: unknown): error is ReplyError {
  return error instanceof Error && error.name === "ReplyError";
}

/** A key holds another kind of value than the command is for. */
export function isWrongType(error: unknown): boolean {
  return isReply(error) && codeOf(error.message) === "WRONGTYPE";
}

export function classify(error: unknown): Failure {
  if (error instanceof LogUnavailable) return "unavailable";
  if (!(error instanceof Error)) return "unexpected";
  if (isReply(error)) {
    const code = codeOf(error.message);
    if (code === "OOM") return "storage-full";
    if (NOT_WRITABLE.has(code)) return "not-writable";
    return PASSING.has(code) ? "unavailable" : "unexpected";
  }
  return "code" in error || CONNECTION.test(error.message) ? "unavailable" : "unexpected";
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Redis refuses connections",
  ECONNRESET: "Redis closed the connection",
  EPIPE: "Redis closed the connection",
  ENOTFOUND: "Redis's host name is not known",
  EAI_AGAIN: "Redis's host name cannot be looked up",
  ETIMEDOUT: "Redis does not answer",
  EHOSTUNREACH: "Redis's host cannot be reached",
  ENETUNREACH: "Redis's host cannot be reached",
  DEPTH_ZERO_SELF_SIGNED_CERT: "Redis's certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "Redis's certificate is self-signed",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "Redis's certificate cannot be verified",
  ERR_TLS_CERT_ALTNAME_INVALID: "Redis's certificate is for another host",
  CERT_HAS_EXPIRED: "Redis's certificate has expired",
  WRONGPASS: "Redis refuses the password",
  NOAUTH: "Redis wants a password",
  NOPERM: "Redis forbids a command to this user",
  LOADING: "Redis is loading its data",
  READONLY: "Redis is a read-only replica",
  MASTERDOWN: "Redis has lost its master",
  NOREPLICAS: "Redis has too few replicas",
  CLUSTERDOWN: "the Redis cluster is down",
  OOM: "Redis is out of memory",
};

/**
 * A few words for people. Made from the error's code alone, never from its text: that may quote the
 * command, and with it the password.
 */
export function describe(error: unknown): string {
  if (error instanceof LogUnavailable) return error.message;
  if (!(error instanceof Error)) return "Redis failed";
  if (isReply(error)) {
    const code = codeOf(error.message);
    return WORDS[code] ?? `Redis answered with ${code === "" ? "an error" : code}`;
  }
  if ("code" in error && typeof error.code === "string") {
    return WORDS[error.code] ?? `the connection to Redis failed (${error.code})`;
  }
  if (error.message.startsWith("Command timed out")) return "Redis does not answer";
  return "the connection to Redis was lost";
}
