import { describe, expect, it } from "vitest";
import { nextRoomState, type RoomEvent, type RoomState } from "../../../../src/chat/room/room-state.ts";

const EVENTS: readonly RoomEvent[] = ["opened", "suspicion", "caught-up", "store-lost", "closed"];

/** One row per state: the state after each of the events, in the order above. */
const TABLE: readonly (readonly [RoomState, ...RoomState[]])[] = [
  ["opening", "live", "opening", "opening", "closed", "closed"],
  ["live", "live", "catching-up", "live", "stale", "closed"],
  ["catching-up", "catching-up", "catching-up", "live", "stale", "closed"],
  ["stale", "stale", "catching-up", "stale", "stale", "closed"],
  ["closed", "closed", "closed", "closed", "closed", "closed"],
];

describe("the states of a room", () => {
  it.each(TABLE.flatMap(([state, ...after]) => EVENTS.map((event, i) => [state, event, after[i]] as const)))(
    "from %s, %s leads to %s",
    (state, event, after) => {
      expect(nextRoomState(state, event)).toBe(after);
    },
  );
});
