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

/** What somebody wrote to the room's channel; nobody has checked more than that it is an object. */
type Hint = Readonly<Record<string, unknown>>;

/** What the presence of every room of a process shares. */
export interface PresenceDeps {
  readonly store: MessageStore;
  readonly logger: Logger;
  readonly counters: Counters;
  /** Returns what stands for a network towards other processes; undefined while no secret is known. */
  readonly networkDigest: (network: string) => string | undefined;
}

/** Hints kept while a roll call is under way; what is beyond, the next roll call puts right. */
const HEARD = 1_000;

/** One person of this process in the room, with their connections. */
interface Local {
  requested: RequestedHandle;
  isGuest: boolean;
  /** What stands for where a guest comes from; undefined = not a guest. */
  readonly network: string | undefined;
  /** By connection. */
  readonly members: Map<string, Member>;
}

/** The people of a room, as clients are told of them. */
export interface People {
  readonly count: number;
  /** `LIMITS.presenceNames` at most; see `namedUsers`. */
  readonly users: readonly Person[];
}

/** What a member sees of the others when it joins. */
export interface Company extends People {
  /** The member's own handle here. */
  readonly handle: string;
}

/**
 * Who is in one room, and who is typing there. All of it are hints: lost ones are put right by the next
 * roll call.
 */
export class RoomPresence {
  readonly #room: string;
  readonly #store: MessageStore;
  readonly #logger: Logger;
  readonly #digestOf: (network: string) => string | undefined;
  readonly #roster = new Roster();
  readonly #locals = new Map<string, Local>();
  readonly #connections = new Set<Connection>();
  readonly #feed: PresenceFeed;
  readonly #typingSignals = new TypingSignals();
  readonly #typingFeed: TypingFeed;
  readonly #handles: HandleQueue;
  /** Roll calls under way. */
  #calls = 0;
  /** Hints that came meanwhile; empty where no roll call is under way, which its time limit sees to. */
  #heard: Hint[] = [];

  constructor(room: string, { store, logger, counters, networkDigest }: PresenceDeps, outbox: Outbox) {
    this.#room = room;
    this.#store = store;
    this.#logger = logger;
    this.#digestOf = networkDigest;
    this.#feed = new PresenceFeed(room, this.#roster, this.#connections, counters);
    this.#typingFeed = new TypingFeed(room, outbox, counters);
    this.#handles = new HandleQueue(room, store, logger, (...settled) => this.settled(...settled));
  }

  /** The member's person is here; their latest wish for a handle counts. */
  join(member: Member): void {
    const { connection, identity } = member;
    const { user, kind } = identity;
    this.#connections.add(connection);
    const known = this.#locals.get(user);
    const requested = requestedHandle(kind === "guest" ? this.nameFor(identity) : identity.handle);
    const local = known ?? this.#newLocal(member, requested);
    local.members.set(connection.id, member);
    local.isGuest = kind === "guest";
    if (known === undefined) this.#locals.set(user, local);
    else if (known.requested === requested) return;
    this.#name(user, local, requested);
    this.#handles.claim({ user, isGuest: local.isGuest, requested });
  }

  /** That connection is no longer in; the person leaves with their last one. */
  leave({ connection, identity: { user } }: Member): void {
    this.#connections.delete(connection);
    this.#feed.forget(connection);
    const local = this.#locals.get(user);
    if (local === undefined || !local.members.delete(connection.id) || local.members.size > 0) return;
    this.#locals.delete(user);
    this.#typingSignals.forget(user);
    this.#handles.leave({ user, requested: local.requested });
    this.#roster.exit(this.#store.instance, user);
    void this.#store.exit(this.#room, user);
    this.#feed.touch();
  }

  /**
   * What a person is likely to be called here: a suffix where somebody else looks like that. The store has the last word, when they
   * have entered or say something (`settled`).
   */
  nameFor({ user, handle }: Pick<Identity, "user" | "handle">): string {
    if (this.#locals.get(user)?.requested.handle === handle) return handle;
    return disambiguate(handle, user, (looks) => this.#roster.isTaken(looks, user));
  }

  /** The store has given a user, who need not be here, another handle than they wanted. */
  settled(user: string, wanted: string, handle: string): void {
    const local = this.#locals.get(user);
    if (local === undefined || handle === wanted) return;
    for (const member of local.members.values()) member.handleSettled(wanted, handle);
    if (local.requested.handle === wanted) this.#name(user, local, requestedHandle(handle));
  }

  /** A message of a member was stored with this handle: it is the person's. */
  spoke({ identity: { user } }: Member, handle: string): void {
    const local = this.#locals.get(user);
    if (local !== undefined && local.requested.handle !== handle)
      this.#name(user, local, requestedHandle(handle));
  }

  /** Who is here, each person once. Of many people those who were told of last: to choose among them costs more than a join does. */
  people(): People {
    const { count, named } = this.#roster;
    return { count, users: named ?? this.#feed.told };
  }

  /** What a member is told that joins now; what has changed since then it is told with the others. */
  seenBy(member: Member): Company {
    const people = this.people();
    this.#feed.listed(people.users);
    return { ...people, handle: this.handleOf(member) };
  }

  /** What the member is called here. */
  handleOf({ identity: { user, handle } }: Member): string {
    return this.#locals.get(user)?.requested.handle ?? handle;
  }

  /** Tells every process that the member is typing, or has stopped; in a crowd nobody is told. */
  typing(member: Member, on: boolean): void {
    const { user } = member.identity;
    if (this.#roster.isCrowd || !this.#typingSignals.take(user, on)) return;
    const handle = this.handleOf(member);
    const hint = { type: "typing", user, handle, on, from: member.connection.id };
    this.#store.hint(this.#room, Buffer.from(JSON.stringify(hint)));
  }

  /** A hint came in from any process, this one included. What is not understood is ignored. */
  onPublication(payload: Buffer): void {
    const hint = objectOf(payload);
    if (hint?.["type"] === "typing") this.#receiveTyping(hint);
    else if (hint !== undefined && this.#receivePresence(hint)) {
      if (this.#calls > 0 && this.#heard.length < HEARD) this.#heard.push(hint);
      this.#feed.touch();
    }
  }

  /** Asks the store who is here over all processes, and puts right what it has of this one. Never rejects. */
  async sync(): Promise<void> {
    const here = Array.from(this.#locals, ([id, { requested, network }]) => ({
      id,
      handle: requested.handle,
      network,
    }));
    this.#calls += 1;
    try {
      this.#roster.replace(this.#store.instance, await this.#store.syncPresence(this.#room, here));
      // The answer may be older than they are: it came by another connection.
      for (const hint of this.#heard) this.#receivePresence(hint);
      this.#feed.touch();
      for (const user of this.#locals.keys()) this.#claim(user);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) {
        this.#logger.error({ event: "roll-call", room: this.#room, err: error }, "the roll call failed");
      }
    } finally {
      this.#calls -= 1;
      if (this.#calls === 0) this.#heard = [];
    }
  }

  close(): void {
    this.#feed.close();
    this.#typingFeed.close();
    this.#typingSignals.clear();
    this.#handles.close();
    this.#connections.clear();
    this.#locals.clear();
  }

  #newLocal({ connection, identity }: Member, requested: RequestedHandle): Local {
    const isGuest = identity.kind === "guest";
    const network = isGuest ? this.#digestOf(connection.network) : undefined;
    return { requested, isGuest, network, members: new Map() };
  }

  /** Tells everybody what a person of this process is called. */
  #name(user: string, local: Local, requested: RequestedHandle): void {
    local.requested = requested;
    const here: RoomUser = { id: user, handle: requested.handle, network: local.network };
    this.#roster.enter(this.#store.instance, here);
    void this.#store.enter(this.#room, here);
    this.#feed.touch();
  }

  /** Keeps up what a person of this process is called. */
  #claim(user: string): void {
    const local = this.#locals.get(user);
    if (local === undefined) return;
    this.#handles.claim({ user, isGuest: local.isGuest, requested: local.requested });
  }

  #receiveTyping(hint: Hint): void {
    const signal = typingSignalIn(hint);
    // A process of a version before this one publishes them in a crowd, too.
    if (signal !== undefined && !this.#roster.isCrowd) this.#typingFeed.add(signal);
  }

  /** Returns whether it said something. */
  #receivePresence(hint: Hint): boolean {
    const { type, instance } = hint;
    if (typeof instance !== "string" || instance === this.#store.instance) return false;
    const people = type === "enter" ? listed(hint["person"], hint["people"]).filter(isRoomUser) : [];
    for (const person of people) {
      this.#roster.enter(instance, person);
      // One of them has the handle, and the store knows who.
      for (const user of this.#roster.lookalikes(person.handle)) if (user !== person.id) this.#claim(user);
    }
    const users = type === "exit" ? listed(hint["user"], hint["users"]).filter(isString) : [];
    for (const user of users) this.#roster.exit(instance, user);
    return people.length + users.length > 0;
  }
}

function typingSignalIn({ user, handle, on, from }: Hint): TypingSignal | undefined {
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

/** One or several, whichever a hint names (presence-hint.ts). */
function listed(one: unknown, several: unknown): readonly unknown[] {
  return Array.isArray(several) ? several : [one];
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}
