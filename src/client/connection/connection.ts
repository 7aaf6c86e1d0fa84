import {
  FORBIDDEN,
  GOING_AWAY,
  ORIGIN_REFUSED,
  PROTOCOL_VIOLATION,
  RESTARTING,
  TOO_BIG,
  TOO_MANY,
  UNAUTHORIZED,
} from "../contract.ts";
import { backoffMs, toldMs } from "./backoff.ts";
import { RESTART_SPREAD_MS, TOO_MANY_MS } from "./timing.ts";

/**
 * Why the connection is lost for the moment; `too-big`: a frame was over the server's limit, `token`: the
 * user needs another token, which the application is asked for.
 */
export type WaitCause = "lost" | "restarting" | "too-many" | "too-big" | "token";

/**
 * Why the client does not reconnect until the user acts; `refused`: the server rejects the client's hello,
 * `origin`: it does not allow the page's address.
 */
export type FatalCause = "protocol" | "unauthorized" | "forbidden" | "refused" | "origin";

/** The state of the connection. `attempt` counts consecutive failures, and decides the next delay. */
export type ConnectionState =
  | { readonly name: "idle" }
  | { readonly name: "connecting"; readonly attempt: number }
  | { readonly name: "greeting"; readonly attempt: number }
  | { readonly name: "live"; readonly attempt: number; readonly restarting: boolean }
  /** `retryAt`: time of the next attempt in ms since 1970 UTC, by the client's clock. */
  | {
      readonly name: "waiting";
      readonly attempt: number;
      readonly retryAt: number;
      readonly cause: WaitCause;
    }
  | { readonly name: "closed"; readonly cause: FatalCause; readonly reason: string };

export type ConnectionEvent =
  | "start"
  | "stop"
  /** A socket is open: the first one, or the one that takes over. */
  | "opened"
  | "welcome"
  /** The connection has been live for `LOOK_MS` or longer. */
  | "settled"
  /** The server announced that its process ends, which is no failure. */
  | "restart"
  /** The server announced it on too many consecutive connections, none of which was live for `LOOK_MS`. */
  | "restart-again"
  /** The connection ended, and the next socket is being opened already. */
  | "handover"
  /** The wait is over, or the user asked for an attempt now. */
  | "retry"
  /** The network may have come back, so earlier failures do not delay the next attempt. */
  | "network"
  | Loss;

/** The loss of a connection. */
export interface Loss {
  readonly at: number;
  readonly code: number;
  readonly reason: string;
  /** A random number from 0 to 1 for the jitter, so that this file stays deterministic. */
  readonly random: number;
  /** The cause, if the close code does not tell it. */
  readonly cause?: WaitCause | FatalCause | undefined;
  /** What the server sent as the milliseconds to wait; may have any type. */
  readonly awayMs?: unknown;
}

const CAUSES: Readonly<Record<number, WaitCause | FatalCause>> = {
  [GOING_AWAY]: "restarting",
  [RESTARTING]: "restarting",
  [TOO_BIG]: "too-big",
  [PROTOCOL_VIOLATION]: "protocol",
  [UNAUTHORIZED]: "unauthorized",
  [FORBIDDEN]: "forbidden",
  [TOO_MANY]: "too-many",
  [ORIGIN_REFUSED]: "origin",
};

type Connected = Extract<ConnectionState, { name: "connecting" | "greeting" | "live" }>;

function connecting(attempt: number): ConnectionState {
  return { name: "connecting", attempt };
}

function afterLoss(state: Connected, loss: Loss): ConnectionState {
  const { at, code, reason, random } = loss;
  const cause = loss.cause ?? CAUSES[code] ?? "lost";
  const { name, attempt } = state;
  // The same hello would be too big the next time as well.
  if (cause === "too-big" && name === "greeting") return { name: "closed", cause: "refused", reason };
  switch (cause) {
    case "protocol":
    case "unauthorized":
    case "forbidden":
    case "refused":
    case "origin":
      return { name: "closed", cause, reason };
  }
  let ms = backoffMs(attempt, random);
  if (cause === "too-many") {
    const told = Number.parseInt(reason, 10);
    ms = Math.max(ms, told >= 0 ? toldMs(told) : TOO_MANY_MS);
  }
  const isAnnounced = name === "live" && state.restarting;
  // The server has already spread its connections over time.
  const isFree = isAnnounced && attempt === 0 && cause !== "too-many";
  if (isFree) ms = random * RESTART_SPREAD_MS;
  const told = toldMs(loss.awayMs);
  const retryAt = at + Math.max(ms, told);
  const shown = told > 0 ? "too-many" : isAnnounced && cause === "lost" ? "restarting" : cause;
  return { name: "waiting", attempt: isFree ? 0 : attempt + 1, retryAt, cause: shown };
}

function whileConnected(state: Connected, event: ConnectionEvent): ConnectionState {
  const { name, attempt } = state;
  // Handles a socket that opens before a restarting server closes the live one.
  if (event === "opened" && name !== "greeting") return { name: "greeting", attempt };
  if (event === "welcome" && name === "greeting") return { name: "live", attempt, restarting: false };
  // A later welcome answers a change of name or a new token, and changes no state.
  if (name !== "live") return state;
  switch (event) {
    case "settled":
      return attempt === 0 ? state : { ...state, attempt: 0 };
    case "restart":
      return { ...state, attempt: 0, restarting: true };
    case "restart-again":
      return { ...state, attempt: attempt + 1, restarting: true };
    case "handover":
      return connecting(attempt);
    default:
      return state;
  }
}

/** Returns the state after an event; the same object if the event means nothing in that state. */
export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  if (event === "stop") return state.name === "idle" ? state : { name: "idle" };
  switch (state.name) {
    case "idle":
    case "closed":
      return event === "start" ? connecting(0) : state;
    case "waiting":
      if (event === "retry") return connecting(state.attempt);
      // A pause that the server asked for is not the network's.
      return event === "network" && state.cause !== "too-many" ? connecting(0) : state;
    default:
      return typeof event === "object" ? afterLoss(state, event) : whileConnected(state, event);
  }
}
