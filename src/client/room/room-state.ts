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
  /** The server has joined it, and there is nothing more to read. */
  | "joined"
  /** There is more to read of what was missed. */
  | "more"
  /** A message does not fit after the last one. */
  | "hole"
  | "unavailable"
  | "refuse"
  /** The time to wait is over. */
  | "due";

type Row = Readonly<Partial<Record<RoomEvent, RoomState>>>;

/** A room of a connection: the server may join it by itself too, when its log is back. */
const CONNECTED: Row = { disconnect: "away", joined: "current", more: "catching-up" };
/** Something was asked of the server, or is shown as it says. */
const ASKED: Row = { ...CONNECTED, unavailable: "waiting", refuse: "refused" };

const ROOM_TABLE: Readonly<Record<RoomState, Row>> = {
  away: { connect: "joining" },
  joining: ASKED,
  "catching-up": { ...ASKED, hole: "waiting" },
  current: { ...ASKED, hole: "joining" },
  waiting: { ...CONNECTED, due: "joining" },
  refused: { disconnect: "away" },
};

/** The state after an event; undefined where the event means nothing in that state. */
export function nextRoomState(state: RoomState, event: RoomEvent): RoomState | undefined {
  return ROOM_TABLE[state][event];
}
