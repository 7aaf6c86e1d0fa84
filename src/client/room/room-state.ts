/**
 * The state of a room on the current connection:
 * - `away`: no connection, or no join sent yet;
 * - `joining`: a join was sent, not answered yet;
 * - `catching-up`: joined, but missed messages are still being read;
 * - `current`: everything up to now has arrived;
 * - `waiting`: the server could not answer; the request is repeated later;
 * - `refused`: the server refused the room; only a new connection asks again.
 */
export type RoomState = "away" | "joining" | "catching-up" | "current" | "waiting" | "refused";

export type RoomEvent =
  /** The connection is live. */
  | "connect"
  | "disconnect"
  /** The server has joined the room, and there is nothing more to read. */
  | "joined"
  /** There are more missed messages to read. */
  | "more"
  /** A message does not fit after the last one. */
  | "hole"
  | "unavailable"
  | "refuse"
  /** The wait is over. */
  | "due";

type Row = Readonly<Partial<Record<RoomEvent, RoomState>>>;

/** Transitions of a room with a connection. The server may join it by itself too, when its store is back. */
const CONNECTED: Row = { disconnect: "away", joined: "current", more: "catching-up" };
/** Transitions of a room with a request to the server, or joined. */
const ASKED: Row = { ...CONNECTED, unavailable: "waiting", refuse: "refused" };

const ROOM_TABLE: Readonly<Record<RoomState, Row>> = {
  away: { connect: "joining" },
  joining: ASKED,
  "catching-up": { ...ASKED, hole: "waiting" },
  current: { ...ASKED, hole: "joining" },
  waiting: { ...CONNECTED, due: "joining" },
  refused: { disconnect: "away" },
};

/** Returns the state after an event; undefined if the event means nothing in that state. */
export function nextRoomState(state: RoomState, event: RoomEvent): RoomState | undefined {
  return ROOM_TABLE[state][event];
}
