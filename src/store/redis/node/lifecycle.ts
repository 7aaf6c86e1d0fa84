import type { StoreState } from "../../store.ts";

/** The events that change the state of the store. */
export type LifecycleEvent =
  /** Both connections are open, the scripts are loaded, the server's clock is known. */
  | "reached"
  /** The server has confirmed the subscriptions of all rooms. */
  | "subscribed"
  /** Every room has read what it missed. */
  | "caught-up"
  /** A step failed or took too long, a connection ended, or a round trip failed. */
  | "lost"
  /** The pause after a loss is over. */
  | "retry"
  | "close";

/**
 * Returns the state after an event; undefined if the event means nothing, such as a late event of a
 * connection that was given up.
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
