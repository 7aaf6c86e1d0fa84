/**
 * Where a room of this process stands:
 * - `opening`: subscribing and reading the newest entries; joins wait;
 * - `live`: what arrives continues the chain;
 * - `catching-up`: there may be a hole; arrivals wait until the store was read; joins wait;
 * - `stale`: the store is away; arrivals wait, joins are refused;
 * - `closed`: given up; a later join opens a new room.
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

/** The state after an event; an event that means nothing in a state leaves it. */
export function nextRoomState(state: RoomState, event: RoomEvent): RoomState {
  return TRANSITIONS[state][event] ?? state;
}
