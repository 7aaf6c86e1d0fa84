import { backoffMs } from "./backoff.ts";
import { FORBIDDEN, GOING_AWAY, PROTOCOL_VIOLATION, RESTARTING, TOO_MANY, UNAUTHORIZED } from "./contract.ts";
import { RESTART_SPREAD_MS, STAY_AWAY_CAP_MS, TOO_MANY_MS } from "./timing.ts";

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
  | "start"
  | "stop"
  /** A socket is open, the first or the one that takes over. */
  | "opened"
  | "welcome"
  /** It has been live for a while, `LOOK_MS` or longer. */
  | "settled"
  /** The server said that this process goes away. */
  | "restart"
  /** It went, and the next socket is being opened already. */
  | "handover"
  /** The time to wait is over, or somebody asked to try now. */
  | "retry"
  /** The network may be back: earlier failures say nothing about the next attempt. */
  | "network"
  | Loss;

/** The connection is gone. */
export interface Loss {
  readonly at: number;
  readonly code: number;
  readonly reason: string;
  /** A random number from 0 to 1, so that this file needs none. */
  readonly random: number;
}

const FATAL: Readonly<Record<number, FatalCause>> = {
  [PROTOCOL_VIOLATION]: "protocol",
  [UNAUTHORIZED]: "unauthorized",
  [FORBIDDEN]: "forbidden",
};

type Connected = Extract<ConnectionState, { name: "connecting" | "greeting" | "live" }>;

function connecting(attempt: number): ConnectionState {
  return { name: "connecting", attempt };
}

function afterLoss(state: Connected, { at, code, reason, random }: Loss): ConnectionState {
  const fatal = FATAL[code];
  if (fatal) return { name: "closed", cause: fatal, reason };
  const { attempt } = state;
  if (code === TOO_MANY) {
    const told = Number.parseInt(reason, 10);
    const ms = told >= 0 ? Math.min(told, STAY_AWAY_CAP_MS) : TOO_MANY_MS;
    return { name: "waiting", attempt: attempt + 1, retryAt: at + ms, cause: "too-many" };
  }
  if (state.name === "live" && state.restarting) {
    // The server spread its connections already; and an announced restart is no failure.
    return { name: "waiting", attempt: 0, retryAt: at + random * RESTART_SPREAD_MS, cause: "restarting" };
  }
  const cause = code === RESTARTING || code === GOING_AWAY ? "restarting" : "lost";
  return { name: "waiting", attempt: attempt + 1, retryAt: at + backoffMs(attempt, random), cause };
}

function whileConnected(state: Connected, event: ConnectionEvent): ConnectionState {
  const { name, attempt } = state;
  // Of a live connection: the next one is open before a restarting server closes this one.
  if (event === "opened" && name !== "greeting") return { name: "greeting", attempt };
  if (event === "welcome" && name === "greeting") return { name: "live", attempt, restarting: false };
  // A later welcome answers a change of name or a new token and changes nothing.
  if (name !== "live") return state;
  switch (event) {
    case "settled":
      return attempt === 0 ? state : { ...state, attempt: 0 };
    case "restart":
      return { ...state, restarting: true };
    case "handover":
      return connecting(0);
    default:
      return state;
  }
}

/** What an event makes of a state. An event that means nothing in a state returns the very same object. */
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
