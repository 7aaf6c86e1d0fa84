import type { Right } from "../../protocol/rights.ts";
import type { Identity } from "../identity.ts";
import type { ErrorReply } from "../result.ts";
import { RoomPatterns } from "./room-patterns.ts";
import { missingRight } from "./visitor.ts";

/** The settings that decide about users whose token or key names no rights. */
export interface RightSettings {
  /** What guests may do in rooms that are not private. */
  readonly guests: "write" | "read" | "none";
  /** Patterns of the rooms that only users may enter whose token or key names them. */
  readonly privateRooms: readonly string[];
}

/**
 * The rights that users have by themselves: those that a token or a program's key names; else `none` in a
 * private room, the guests' right for guests, and `write` for all others.
 */
export class BaseRights {
  readonly #guests: Right;
  readonly #private: RoomPatterns<true>;

  constructor({ guests, privateRooms }: RightSettings) {
    this.#guests = guests;
    this.#private = new RoomPatterns(privateRooms.map((pattern) => [pattern, true] as const));
  }

  /**
   * Returns a user's right in a room, which need not exist.
   * @param identity undefined = a client that has not identified: a guest.
   */
  of(identity: Pick<Identity, "kind" | "rooms"> | undefined, room: string): Right {
    if (identity?.rooms !== undefined) return identity.rooms.of(room) ?? "none";
    if (this.#private.of(room) === true) return "none";
    return identity === undefined || identity.kind === "guest" ? this.#guests : "write";
  }

  /** Returns the error for a user who needs a right in a room; undefined if the user has it. */
  refusal(identity: Identity | undefined, room: string, needed: Right): ErrorReply | undefined {
    return missingRight(this.of(identity, room), needed, room);
  }
}
