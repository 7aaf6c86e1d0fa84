/**
 * Where a room stands on the current connection:
 * - `away`: no connection, or not asked yet;
 * - `joining`: asked, not answered;
 * - `catching-up`: joined, but older pages of what was missed are still being read;
 * - `current`: everything up to now is here;
 * - `waiting`: the server could not say; asked again later;
 * - `refused`: the server said no; only a new connection asks again.
 */
export type RoomState = "away" | "joining" | "catching-up" | "current" | "waiting" | "refused";

export type RoomEvent =
  /** The connection is live. */
  | "connect"
  | "disconnect"
  /** `joined`, and everything came with it. */
  | "complete"
  /** `joined`, and there is more to read. */
  | "partial"
  /** A message does not fit behind the last one. */
  | "hole"
  | "unavailable"
  | "refuse"
  /** The time to wait is over. */
  | "due";

export const ROOM_TABLE: Readonly<Record<RoomState, Readonly<Partial<Record<RoomEvent, RoomState>>>>> = {
  away: { connect: "joining" },
  joining: {
    disconnect: "away",
    complete: "current",
    partial: "catching-up",
    unavailable: "waiting",
    refuse: "refused",
  },
  "catching-up": {
    disconnect: "away",
    complete: "current",
    partial: "catching-up",
    hole: "waiting",
    unavailable: "waiting",
    refuse: "refused",
  },
  current: {
    disconnect: "away",
    complete: "current",
    partial: "catching-up",
    hole: "joining",
    unavailable: "waiting",
    refuse: "refused",
  },
  waiting: {
    disconnect: "away",
    // The server may join the room again by itself when its log is back.
    complete: "current",
    partial: "catching-up",
    due: "joining",
  },
  refused: { disconnect: "away" },
};

/** The state after an event; undefined where the event means nothing in that state. */
export function nextRoomState(state: RoomState, event: RoomEvent): RoomState | undefined {
  return ROOM_TABLE[state][event];
}
