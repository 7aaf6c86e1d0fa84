/**
 * The state of a room of this process:
 * - `opening`: it subscribes and reads the newest entries; joins wait;
 * - `live`: what arrives continues the chain;
 * - `catching-up`: there may be a gap; what arrives waits until the store was read; joins wait;
 * - `stale`: the store is away; what arrives waits, joins are rejected;
 * - `closed`: final; a later join opens a new room.
 */
export type RoomState = "opening" | "live" | "catching-up" | "stale" | "closed";

export type RoomEvent = "opened" | "suspicion" | "caught-up" | "store-lost" | "closed";

const TRANSITIONS: Readonly<Record<RoomState, Partial<Record<RoomEvent, RoomState>>>> = {
  opening: { opened: "live", "store-lost": "closed", closed: "closed" },
  live: { suspicion: "catching-up", "store-lost": "stale", closed: "closed" },
  "catching-up": { "caught-up": "live", "store-lost": "stale", closed: "closed" },
  stale: { suspicion: "catching-up", closed: "closed" },
  closed: {},
};

/** Returns the state after an event; the same state if the event has no meaning in it. */
export function nextRoomState(state: RoomState, event: RoomEvent): RoomState {
  return TRANSITIONS[state][event] ?? state;
}
