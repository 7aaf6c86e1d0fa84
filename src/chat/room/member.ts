import type { Person } from "../../protocol.ts";
import type { Connection } from "../connection.ts";
import type { Snapshot } from "./snapshot.ts";

/** How a user comes to be one: anybody is a guest, as often as they like; the others were let in by the embedding site or by a key. */
export type UserKind = "guest" | "site" | "program";

/** A connection's place in a room. */
export interface Member {
  readonly connection: Connection;
  /** The person as they want to be called; the room may add a suffix. */
  readonly person: Person;
  readonly kind: UserKind;
  /** The room calls the person `handle` who wanted `wanted`. */
  handleSettled(wanted: string, handle: string): void;
  /** Called once it is in, in the same turn: what comes next is after `snapshot.head`. */
  joined(snapshot: Snapshot): void;
  /** The room's stream was reset, or lost its newest entries, before anything later is sent. */
  restarted(snapshot: Snapshot): void;
}
