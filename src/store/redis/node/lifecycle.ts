import type { StoreState } from "../../store.ts";

/** What happens to the store on its way between being away and being usable. */
export type LifecycleEvent =
  /** Both connections are made, the scripts are there, the server's clock is known. */
  | "reached"
  /** The server has confirmed the subscription of every wanted room. */
  | "subscribed"
  /** Every room has read what it missed. */
  | "caught-up"
  /** A step failed or took too long, a connection ended, or a round trip did not come back. */
  | "lost"
  /** The pause after a loss is over. */
  | "retry"
  | "close";

/**
 * The life of the store: the state that follows, or undefined where the event means nothing (a
 * late word of a connection that was given up already).
 */
export function transition(state: StoreState, event: LifecycleEvent): StoreState | undefined {
  return TRANSITIONS[state][event];
}

const TRANSITIONS: Readonly<Record<StoreState, Readonly<Partial<Record<LifecycleEvent, StoreState>>>>> = {
  connecting: { reached: "subscribing", lost: "down", close: "closed" },
  subscribing: { subscribed: "catching-up", lost: "down", close: "closed" },
  "catching-up": { "caught-up": "live", lost: "down", close: "closed" },
  live: { lost: "down", close: "closed" },
  down: { retry: "connecting", close: "closed" },
  closed: {},
};
