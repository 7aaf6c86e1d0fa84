import type { ServerFrame } from "../../protocol/frames.ts";
import type { Right } from "../../protocol/rights.ts";
import type { Grant } from "../../store/access.ts";
import type { Connection } from "../connection.ts";
import type { Identity } from "../identity.ts";
import { type Member, visitorOf } from "../room/member.ts";
import type { Room } from "../room/room.ts";
import type { Snapshot } from "../room/snapshot.ts";
import { withMessages } from "./answer.ts";

/** The session that owns a subscription. */
export interface SubscriptionOwner {
  readonly connection: Connection;
  readonly identity: Identity;
  /** Called when the owner is in the room. */
  entered(subscription: RoomSubscription): void;
  /** Called when the embedding app is to be asked again what the owner may do. */
  recheck(subscription: RoomSubscription): void;
  /** Called when the owner may no longer be in the room; `sentence` says so. */
  expelled(subscription: RoomSubscription, sentence: string): void;
}

/** A v1 connection's membership in one room. */
export class RoomSubscription implements Member {
  readonly room: Room;
  readonly #owner: SubscriptionOwner;
  /** `ref` of the join that created it. */
  readonly #ref: number;
  #handle: string;
  #base: Grant;

  constructor(owner: SubscriptionOwner, room: Room, base: Grant, ref: number) {
    this.#owner = owner;
    this.#base = base;
    this.room = room;
    this.#ref = ref;
    this.#handle = owner.identity.handle;
  }

  get connection(): Connection {
    return this.#owner.connection;
  }

  get identity(): Identity {
    return this.#owner.identity;
  }

  get base(): Grant {
    return this.#base;
  }

  /**
   * Changes the user's right without the room's access rules; the room tells the user, or ends the
   * membership.
   */
  setBase(base: Grant): void {
    const { right, at } = this.#base;
    // The app was asked again meanwhile, and has answered that.
    if (base.at < at) return;
    this.#base = base;
    if (base.right !== right) this.room.rightChanged(this);
  }

  /** The user's right in the room. */
  get right(): Right {
    return this.room.rightOf(visitorOf(this));
  }

  /** The handle of its messages: the user's, with a suffix where a look-alike is in the room. */
  get handle(): string {
    return this.#handle;
  }

  /** Takes over the user's new handle; the room may give it another suffix. */
  rename(): void {
    this.room.presence.join(this);
    this.#handle = this.room.presence.handleOf(this);
  }

  /** Sends the answer to a request for this room; in a busy room together with its messages. */
  answer(frame: ServerFrame): void {
    const { connection } = this.#owner;
    this.room.answer(connection, connection.codec.frame(frame));
  }

  handleSettled(wanted: string, handle: string): void {
    if (this.#handle === wanted) this.#handle = handle;
  }

  joined(snapshot: Snapshot): void {
    this.#owner.entered(this);
    this.#tell(snapshot, { ref: this.#ref });
  }

  restarted(snapshot: Snapshot): void {
    this.#tell(snapshot, {});
  }

  recheck(): void {
    this.#owner.recheck(this);
  }

  rightChanged(right: Right): void {
    this.answer({ type: "right", room: this.room.name, right });
  }

  expelled(sentence: string): void {
    this.#owner.expelled(this, sentence);
  }

  #tell({ recovered, head, entries, more, count, users, handle }: Snapshot, ref: { ref?: number }): void {
    this.#handle = handle;
    const present = { count, users };
    const { right, room } = this;
    const fields = {
      type: "joined",
      ...ref,
      room: room.name,
      recovered,
      head,
      more,
      present,
      handle,
      right,
    };
    const { connection } = this.#owner;
    connection.write(connection.codec.json(withMessages(fields, entries)), "soon");
  }
}
