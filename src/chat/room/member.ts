import type { Right } from "../../protocol/rights.ts";
import type { Grant } from "../../store/access.ts";
import type { Connection } from "../connection.ts";
import type { Identity } from "../identity.ts";
import type { Visitor } from "../rights/visitor.ts";
import type { Snapshot } from "./snapshot.ts";

/** A connection that is a member of a room. */
export interface Member {
  readonly connection: Connection;
  /** The user of the connection. */
  readonly identity: Identity;
  /** The user's right without the access rules. */
  readonly base: Grant;
  /** Called when the user gets another handle in this room than `wanted`. */
  handleSettled(wanted: string, handle: string): void;
  /** Called once the member is in the room, in the same tick: what it gets next is after `snapshot.head`. */
  joined(snapshot: Snapshot): void;
  /** Called when the room's stream was reset, or lost its newest entries, before anything later is sent. */
  restarted(snapshot: Snapshot): void;
  /** Called when the embedding app is to be asked again what the user may do here. */
  recheck(): void;
  /** Called when the room's access rules leave the user another right than before. */
  rightChanged(right: Right): void;
  /**
   * Called when the user may no longer be in the room. It is no member any more; its session must call
   * `Rooms.leave`, which closes an empty room.
   */
  expelled(sentence: string): void;
}

/** Returns a member as the room's access rules see it. */
export function visitorOf({ identity, base, connection }: Member): Visitor {
  return { identity, base: base.right, network: connection.network };
}
