import type { Logger } from "../../../logging/logger.ts";
import type { Person } from "../../../protocol/frames.ts";
import {
  type MessageStore,
  type RequestedHandle,
  type RoomUser,
  StoreUnavailable,
} from "../../../store/store.ts";
import type { Connection } from "../../connection.ts";
import type { Counters } from "../../counters.ts";
import type { Identity } from "../../identity.ts";
import { disambiguate, requestedHandle } from "../../text/look-alike.ts";
import { objectOf } from "../checked-entry.ts";
import type { Member } from "../member.ts";
import type { Outbox } from "../outbox.ts";
import { HandleQueue } from "./handle-queue.ts";
import { PresenceFeed } from "./presence-feed.ts";
import { Roster } from "./roster.ts";
import { TypingFeed } from "./typing-feed.ts";
import { type TypingSignal, TypingSignals } from "./typing-signals.ts";

/** An ephemeral event from the room's channel; it is only known to be an object. */
type EphemeralEvent = Readonly<Record<string, unknown>>;

/** Dependencies of the presence of every room of a process. */
export interface PresenceDeps {
  readonly store: MessageStore;
  readonly logger: Logger;
  readonly counters: Counters;
  /**
   * Returns the digest that stands for a network towards other processes; undefined while no secret is known.
   */
  readonly networkDigest: (network: string) => string | undefined;
}

/**
 * Ephemeral events kept while a presence sync is under way; the next presence sync corrects what was dropped.
 */
const EVENTS_KEPT = 1_000;

/** One user of this process in the room, with their connections. */
interface LocalUser {
  requested: RequestedHandle;
  isGuest: boolean;
  /** Digest of the network of a guest; undefined = not a guest. */
  readonly network: string | undefined;
  /** By connection. */
  readonly members: Map<string, Member>;
}

/** The users of a room, as clients are told. */
export interface People {
  readonly count: number;
  /** At most `LIMITS.presenceNames`; see `namedUsers`. */
  readonly users: readonly Person[];
}

/** The presence of a room as a member is told when it joins. */
export interface MemberPresence extends People {
  /** The member's own handle here. */
  readonly handle: string;
}

/**
 * Presence and typing in one room. Both are ephemeral events; the next presence sync corrects what was lost.
 */
export class RoomPresence {
  readonly #room: string;
  readonly #store: MessageStore;
  readonly #logger: Logger;
  readonly #digestOf: (network: string) => string | undefined;
  readonly #roster = new Roster();
  readonly #localUsers = new Map<string, LocalUser>();
  readonly #connections = new Set<Connection>();
  readonly #feed: PresenceFeed;
  readonly #typingSignals = new TypingSignals();
  readonly #typingFeed: TypingFeed;
  readonly #handles: HandleQueue;
  /** Presence syncs under way. */
  #syncs = 0;
  /**
   * Ephemeral events that came meanwhile. Emptied when no presence sync is under way; each has a time limit.
   */
  #eventsDuringSync: EphemeralEvent[] = [];

  constructor(room: string, { store, logger, counters, networkDigest }: PresenceDeps, outbox: Outbox) {
    this.#room = room;
    this.#store = store;
    this.#logger = logger;
    this.#digestOf = networkDigest;
    this.#feed = new PresenceFeed(room, this.#roster, this.#connections, counters);
    this.#typingFeed = new TypingFeed(room, outbox, counters);
    this.#handles = new HandleQueue(room, store, logger, (...settled) => this.onHandleSettled(...settled));
  }

  /** Adds a member's user. The handle that the user asked for last counts. */
  join(member: Member): void {
    const { connection, identity } = member;
    const { user, kind } = identity;
    this.#connections.add(connection);
    const known = this.#localUsers.get(user);
    const requested = requestedHandle(kind === "guest" ? this.nameFor(identity) : identity.handle);
    const local = known ?? this.#newLocalUser(member, requested);
    local.members.set(connection.id, member);
    local.isGuest = kind === "guest";
    if (known === undefined) this.#localUsers.set(user, local);
    else if (known.requested === requested) return;
    this.#name(user, local, requested);
    this.#handles.claim({ user, isGuest: local.isGuest, requested });
  }

  /** Removes a member's connection. The user leaves with their last connection. */
  leave({ connection, identity: { user } }: Member): void {
    this.#connections.delete(connection);
    this.#feed.forget(connection);
    const local = this.#localUsers.get(user);
    if (local === undefined || !local.members.delete(connection.id) || local.members.size > 0) return;
    this.#localUsers.delete(user);
    this.#typingSignals.forget(user);
    this.#handles.leave({ user, requested: local.requested });
    this.#roster.exit(this.#store.instance, user);
    void this.#store.exit(this.#room, user);
    this.#feed.touch();
  }

  /**
   * Returns the handle that a user probably gets here: with a suffix if another user's handle looks like
   * theirs. The store decides when the user has entered or publishes a message (`onHandleSettled`).
   */
  nameFor({ user, handle }: Pick<Identity, "user" | "handle">): string {
    if (this.#localUsers.get(user)?.requested.handle === handle) return handle;
    return disambiguate(handle, user, (looks) => this.#roster.isTaken(looks, user));
  }

  /** Takes over a handle that the store gave a user in place of the wanted one. The user need not be here. */
  onHandleSettled(user: string, wanted: string, handle: string): void {
    const local = this.#localUsers.get(user);
    if (local === undefined || handle === wanted) return;
    for (const member of local.members.values()) member.handleSettled(wanted, handle);
    if (local.requested.handle === wanted) this.#name(user, local, requestedHandle(handle));
  }

  /** Takes over the handle that a member's message was stored with as the handle of its user. */
  onMessageStored({ identity: { user } }: Member, handle: string): void {
    const local = this.#localUsers.get(user);
    if (local !== undefined && local.requested.handle !== handle)
      this.#name(user, local, requestedHandle(handle));
  }

  /**
   * Returns who is here, each user once. Of too many users for all to be named it names those whom clients
   * were told last: a new choice costs more than a join.
   */
  people(): People {
    const { count, named } = this.#roster;
    return { count, users: named ?? this.#feed.told };
  }

  /** Returns what a member that joins now is told; it is told later changes together with the others. */
  presenceFor(member: Member): MemberPresence {
    const people = this.people();
    this.#feed.listed(people.users);
    return { ...people, handle: this.handleOf(member) };
  }

  /** Returns the member's handle in this room. */
  handleOf({ identity: { user, handle } }: Member): string {
    return this.#localUsers.get(user)?.requested.handle ?? handle;
  }

  /** As `Roster.networkOf`, over all processes. */
  networkOf(user: string): string | undefined {
    return this.#roster.networkOf(user);
  }

  /** Tells every process that the member is typing, or has stopped. Does nothing in a crowd. */
  typing(member: Member, on: boolean): void {
    const { user } = member.identity;
    if (this.#roster.isCrowd || !this.#typingSignals.take(user, on)) return;
    const handle = this.handleOf(member);
    const event = { type: "typing", user, handle, on, from: member.connection.id };
    this.#store.publishEphemeral(this.#room, Buffer.from(JSON.stringify(event)));
  }

  /** Handles an ephemeral event from any process, this one included. Ignores what it does not understand. */
  onPublication(payload: Buffer): void {
    const event = objectOf(payload);
    if (event?.["type"] === "typing") this.#receiveTyping(event);
    else if (event !== undefined && this.#receivePresence(event)) {
      if (this.#syncs > 0 && this.#eventsDuringSync.length < EVENTS_KEPT) this.#eventsDuringSync.push(event);
      this.#feed.touch();
    }
  }

  /**
   * Asks the store who is here over all processes, and corrects what the store has of this process. Never
   * rejects.
   */
  async sync(): Promise<void> {
    const here = Array.from(this.#localUsers, ([id, { requested, network }]) => ({
      id,
      handle: requested.handle,
      network,
    }));
    this.#syncs += 1;
    try {
      this.#roster.replace(this.#store.instance, await this.#store.syncPresence(this.#room, here));
      // The answer may be older than these events: it came by another connection.
      for (const event of this.#eventsDuringSync) this.#receivePresence(event);
      this.#feed.touch();
      for (const user of this.#localUsers.keys()) this.#claim(user);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) {
        this.#logger.error({ event: "roll-call", room: this.#room, err: error }, "the presence sync failed");
      }
    } finally {
      this.#syncs -= 1;
      if (this.#syncs === 0) this.#eventsDuringSync = [];
    }
  }

  close(): void {
    this.#feed.close();
    this.#typingFeed.close();
    this.#typingSignals.clear();
    this.#handles.close();
    this.#connections.clear();
    this.#localUsers.clear();
  }

  #newLocalUser({ connection, identity }: Member, requested: RequestedHandle): LocalUser {
    const isGuest = identity.kind === "guest";
    const network = isGuest ? this.#digestOf(connection.network) : undefined;
    return { requested, isGuest, network, members: new Map() };
  }

  /** Sets the handle of a user of this process, and tells all processes and clients. */
  #name(user: string, local: LocalUser, requested: RequestedHandle): void {
    local.requested = requested;
    const here: RoomUser = { id: user, handle: requested.handle, network: local.network };
    this.#roster.enter(this.#store.instance, here);
    void this.#store.enter(this.#room, here);
    this.#feed.touch();
  }

  /** Renews the claim of a user of this process to their handle. */
  #claim(user: string): void {
    const local = this.#localUsers.get(user);
    if (local === undefined) return;
    this.#handles.claim({ user, isGuest: local.isGuest, requested: local.requested });
  }

  #receiveTyping(event: EphemeralEvent): void {
    const signal = typingSignalIn(event);
    // Processes of an older version publish typing in a crowd, too.
    if (signal !== undefined && !this.#roster.isCrowd) this.#typingFeed.add(signal);
  }

  /** Applies an `enter` or `exit` event of another process; returns whether it named any user. */
  #receivePresence(event: EphemeralEvent): boolean {
    const { type, instance } = event;
    if (typeof instance !== "string" || instance === this.#store.instance) return false;
    const people = type === "enter" ? listed(event["person"], event["people"]).filter(isRoomUser) : [];
    for (const person of people) {
      this.#roster.enter(instance, person);
      // Only one of them has the handle; the store knows which.
      for (const user of this.#roster.lookalikes(person.handle)) if (user !== person.id) this.#claim(user);
    }
    const users = type === "exit" ? listed(event["user"], event["users"]).filter(isString) : [];
    for (const user of users) this.#roster.exit(instance, user);
    return people.length + users.length > 0;
  }
}

function typingSignalIn({ user, handle, on, from }: EphemeralEvent): TypingSignal | undefined {
  if (typeof user !== "string" || typeof handle !== "string" || typeof on !== "boolean") return undefined;
  return { user, handle, on, from: typeof from === "string" ? from : undefined };
}

function isRoomUser(value: unknown): value is RoomUser {
  if (typeof value !== "object" || value === null) return false;
  if ("network" in value && typeof value.network !== "string") return false;
  return (
    "id" in value && typeof value.id === "string" && "handle" in value && typeof value.handle === "string"
  );
}

/** Returns the values that an event names: one or several (store/ephemeral.ts). */
function listed(one: unknown, several: unknown): readonly unknown[] {
  return Array.isArray(several) ? several : [one];
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}
