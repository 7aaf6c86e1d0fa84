import type { Person } from "../../protocol.ts";
import type { Connection } from "../connection.ts";
import type { Member, UserKind } from "../room/member.ts";
import type { Snapshot } from "../room/snapshot.ts";
import { withMessages } from "./answer.ts";

/** Whose place it is. */
export interface SubscriptionOwner {
  readonly connection: Connection;
  readonly person: Person;
  readonly kind: UserKind;
  /** The owner is in the room from now on. */
  entered(subscription: RoomSubscription): void;
}

/** A v1 connection's place in one room. */
export class RoomSubscription implements Member {
  readonly room: string;
  readonly #owner: SubscriptionOwner;
  /** The join that asked for it. */
  readonly #ref: number;
  #handle: string;

  constructor(owner: SubscriptionOwner, room: string, ref: number) {
    this.#owner = owner;
    this.room = room;
    this.#ref = ref;
    this.#handle = owner.person.handle;
  }

  get connection(): Connection {
    return this.#owner.connection;
  }

  get person(): Person {
    return this.#owner.person;
  }

  get kind(): UserKind {
    return this.#owner.kind;
  }

  /** The name its messages carry: the person's, with a suffix where a look-alike is in the room. */
  get handle(): string {
    return this.#handle;
  }

  /** The person changed their name. */
  renamed(handle: string): void {
    this.#handle = handle;
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

  #tell({ recovered, head, entries, more, count, users, handle }: Snapshot, ref: { ref?: number }): void {
    this.#handle = handle;
    const present = { count, users };
    const fields = { type: "joined", ...ref, room: this.room, recovered, head, more, present, handle };
    const { connection } = this.#owner;
    connection.write(connection.codec.json(withMessages(fields, entries)), "soon");
  }
}
