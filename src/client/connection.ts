import { backoffMs } from "./backoff.ts";
import { FORBIDDEN, GOING_AWAY, PROTOCOL_VIOLATION, RESTARTING, TOO_MANY, UNAUTHORIZED } from "./contract.ts";

/** Why the connection is away for the moment. */
export type WaitCause = "lost" | "restarting" | "too-many";

/** Why it will not come back by itself. */
export type FatalCause = "protocol" | "unauthorized" | "forbidden";

/** Where the connection stands. `attempt` counts failures in a row and sets the next delay. */
export type ConnectionState =
  | { readonly name: "idle" }
  | { readonly name: "connecting"; readonly attempt: number }
  | { readonly name: "greeting"; readonly attempt: number }
  | { readonly name: "live"; readonly attempt: number; readonly restarting: boolean }
  /** `retryAt`: ms since 1970 UTC, by the client's clock. */
  | {
      readonly name: "waiting";
      readonly attempt: number;
      readonly retryAt: number;
      readonly cause: WaitCause;
    }
  | { readonly name: "closed"; readonly cause: FatalCause; readonly reason: string };

export type ConnectionEvent =
  | { readonly name: "start" }
  | { readonly name: "stop" }
  /** A socket is open, the first or the one that takes over. */
  | { readonly name: "opened" }
  | { readonly name: "welcomed" }
  /** It has been live for `SETTLED_MS`. */
  | { readonly name: "settled" }
  /** The server said that this process goes away. */
  | { readonly name: "restart" }
  /** `jitter`: a random number from 0 to 1, so that this file needs none. */
  | {
      readonly name: "lost";
      readonly at: number;
      readonly code: number;
      readonly reason: string;
      readonly jitter: number;
    }
  /** The time to wait is over, or somebody asked to try now. */
  | { readonly name: "retry" };

/** Milliseconds of being live after which the next failure counts as the first. */
export const SETTLED_MS = 5_000;
/** Milliseconds within which one comes back after an announced restart (docs/protocol.md, `restart`). */
export const RESTART_SPREAD_MS = 1_000;
/** Milliseconds to stay away where a 4429 names none. */
const TOO_MANY_MS = 10_000;
/** Milliseconds: no server keeps a client away longer than this in one go. */
const STAY_AWAY_CAP_MS = 600_000;

const FATAL: ReadonlyMap<number, FatalCause> = new Map([
  [PROTOCOL_VIOLATION, "protocol"],
  [UNAUTHORIZED, "unauthorized"],
  [FORBIDDEN, "forbidden"],
]);

type Connected = Extract<ConnectionState, { name: "connecting" | "greeting" | "live" }>;
type Lost = Extract<ConnectionEvent, { name: "lost" }>;

function afterLoss(state: Connected, event: Lost): ConnectionState {
  const fatal = FATAL.get(event.code);
  if (fatal !== undefined) return { name: "closed", cause: fatal, reason: event.reason };
  const attempt = state.attempt + 1;
  if (event.code === TOO_MANY) {
    const told = Number.parseInt(event.reason, 10);
    const ms = Number.isNaN(told) ? TOO_MANY_MS : Math.min(Math.max(told, 0), STAY_AWAY_CAP_MS);
    return { name: "waiting", attempt, retryAt: event.at + ms, cause: "too-many" };
  }
  if (state.name === "live" && state.restarting) {
    // The server spread its connections already; and an announced restart is no failure.
    const ms = Math.round(event.jitter * RESTART_SPREAD_MS);
    return { name: "waiting", attempt: 0, retryAt: event.at + ms, cause: "restarting" };
  }
  const cause = event.code === RESTARTING || event.code === GOING_AWAY ? "restarting" : "lost";
  return { name: "waiting", attempt, retryAt: event.at + backoffMs(state.attempt, event.jitter), cause };
}

function whileConnected(state: Connected, event: ConnectionEvent): ConnectionState {
  switch (event.name) {
    case "opened":
      // Of a live connection: the next one is open before a restarting server closes this one.
      return state.name === "greeting" ? state : { name: "greeting", attempt: state.attempt };
    case "welcomed":
      // A later welcome answers a change of name or a new token and changes nothing here.
      return state.name === "greeting" ? { name: "live", attempt: state.attempt, restarting: false } : state;
    case "settled":
      return state.name === "live" ? { ...state, attempt: 0 } : state;
    case "restart":
      return state.name === "live" ? { ...state, restarting: true } : state;
    case "lost":
      return afterLoss(state, event);
    default:
      return state;
  }
}

/** What an event makes of a state. An event that means nothing in a state returns the very same object. */
export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  if (event.name === "stop") return state.name === "idle" ? state : { name: "idle" };
  switch (state.name) {
    case "idle":
    case "closed":
      return event.name === "start" ? { name: "connecting", attempt: 0 } : state;
    case "waiting":
      return event.name === "retry" ? { name: "connecting", attempt: state.attempt } : state;
    default:
      return whileConnected(state, event);
  }
}
