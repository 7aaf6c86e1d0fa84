/**
 * The state of a process's drain:
 * - `open`: it accepts connections;
 * - `moving`: it rejects new connections, and serves each open one until its scheduled close;
 * - `cutting`: the time is up, open connections are terminated;
 * - `drained`: no connection is open; final.
 */
export type DrainState = "open" | "moving" | "cutting" | "drained";

export type DrainEvent =
  /** The process is to end. */
  | "begun"
  /** The last connection is closed. */
  | "empty"
  /** The time limit is over. */
  | "time-up";

const TRANSITIONS: Readonly<Record<DrainState, Readonly<Partial<Record<DrainEvent, DrainState>>>>> = {
  open: { begun: "moving" },
  moving: { empty: "drained", "time-up": "cutting" },
  cutting: { empty: "drained" },
  drained: {},
};

/**
 * Returns the state after an event; the same state if the event has no meaning in it, such as a second
 * signal.
 */
export function nextDrainState(state: DrainState, event: DrainEvent): DrainState {
  return TRANSITIONS[state][event] ?? state;
}
