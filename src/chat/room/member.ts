import type { Connection } from "../connection.ts";
import type { Identity } from "../identity.ts";
import type { Snapshot } from "./snapshot.ts";

/** A connection's place in a room. */
export interface Member {
  readonly connection: Connection;
  /** Whose connection it is. */
  readonly identity: Identity;
  /** The room calls the user `handle` who wanted `wanted`. */
  handleSettled(wanted: string, handle: string): void;
  /** Called once it is in, in the same turn: what comes next is after `snapshot.head`. */
  joined(snapshot: Snapshot): void;
  /** The room's stream was reset, or lost its newest entries, before anything later is sent. */
  restarted(snapshot: Snapshot): void;
}
