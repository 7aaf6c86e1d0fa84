import type { Connection } from "../connection.ts";
import type { Identity } from "../identity.ts";
import type { Snapshot } from "./snapshot.ts";

/** A connection that is a member of a room. */
export interface Member {
  readonly connection: Connection;
  /** The user of the connection. */
  readonly identity: Identity;
  /** Called when the user gets another handle in this room than `wanted`. */
  handleSettled(wanted: string, handle: string): void;
  /** Called once the member is in the room, in the same tick: what it gets next is after `snapshot.head`. */
  joined(snapshot: Snapshot): void;
  /** Called when the room's stream was reset, or lost its newest entries, before anything later is sent. */
  restarted(snapshot: Snapshot): void;
}
