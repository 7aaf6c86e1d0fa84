/**
 * How far a process is with moving its people away:
 * - `open`: it takes everybody;
 * - `moving`: it takes nobody, and those who are here are served until each one's time comes;
 * - `cutting`: the time is up, who is still here is cut off;
 * - `drained`: nobody is here; final.
 */
export type DrainState = "open" | "moving" | "cutting" | "drained";

export type DrainEvent =
  /** The process is to end. */
  | "begun"
  /** The last one has left. */
  | "empty"
  /** Nobody may be served any longer. */
  | "time-up";

const TRANSITIONS: Readonly<Record<DrainState, Readonly<Partial<Record<DrainEvent, DrainState>>>>> = {
  open: { begun: "moving" },
  moving: { empty: "drained", "time-up": "cutting" },
  cutting: { empty: "drained" },
  drained: {},
};

/** The state that follows; the same one where the event means nothing in it, as a second signal. */
export function nextDrainState(state: DrainState, event: DrainEvent): DrainState {
  return TRANSITIONS[state][event] ?? state;
}
