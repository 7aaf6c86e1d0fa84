import type { Right } from "../../protocol/rights.ts";
import type { Grant } from "../../store/access.ts";
import { type MessageStore, StoreUnavailable } from "../../store/store.ts";
import type { Identity } from "../identity.ts";
import { failure, type Result, success } from "../result.ts";
import type { Authorizer } from "./authorizer.ts";
import { RoomPatterns } from "./room-patterns.ts";

/** The settings that decide about users whose token or key names no rights. */
export interface RightSettings {
  /** What guests may do in rooms that are not private. */
  readonly guests: "write" | "read" | "none";
  /** Patterns of the rooms that only users may enter whose token or key names them. */
  readonly privateRooms: readonly string[];
}

/**
 * How long members may keep their right until the app can be asked again, ms, where so many are to be asked for
 * that the questions wait.
 */
const RECHECK_MS = 300_000;

/** A right that was found. */
export interface Found extends Grant {
  /**
   * If `right` is what the embedding app granted before: its answer now, which is to be followed. Never
   * rejects.
   */
  readonly later?: Promise<Result<Grant>>;
}

/** Knows since when the embedding app is to be asked again about users. */
export interface Rechecks {
  /** Returns since when the app is to be asked again about a user, ms by the store's clock. */
  recheckedAt(user: string): number;
}

/** Remembers what the embedding app granted. */
type GrantStore = Pick<MessageStore, "grant" | "grantOf" | "now">;

/**
 * The rights that users have by themselves, without the rules that moderators set. The first that answers
 * counts: the embedding app, for users who are no programs; the token, or the program's key; else it is
 * `none` in a private room, the guests' right for guests, and `write` for all others.
 */
export class Rights {
  readonly #guests: Right;
  readonly #private: RoomPatterns<true>;
  readonly #store: GrantStore;
  readonly #rechecks: Rechecks;
  readonly #authorizer: Authorizer | undefined;

  /** @param authorizer asks the embedding app; undefined = it is not asked. */
  constructor(
    { guests, privateRooms }: RightSettings,
    store: GrantStore,
    rechecks: Rechecks,
    authorizer?: Authorizer,
  ) {
    this.#store = store;
    this.#rechecks = rechecks;
    this.#guests = guests;
    this.#private = new RoomPatterns(privateRooms.map((pattern) => [pattern, true] as const));
    this.#authorizer = authorizer;
  }

  /**
   * Returns a user's right in a room, which need not exist; undefined if the embedding app must be asked.
   * @param identity undefined = a client that has not identified: a guest.
   */
  known(identity: Identity | undefined, room: string): Right | undefined {
    if (this.#authorizer !== undefined && identity?.kind !== "program") return undefined;
    return this.#own(identity, room);
  }

  /**
   * Returns whether a user may moderate all rooms: their token, or the program's key, gives them that right
   * by the pattern `*`. The embedding app, where it decides, decides about rooms only.
   */
  moderatesAll(identity: Identity): boolean {
    if (this.#authorizer !== undefined && identity.kind !== "program") return false;
    return identity.rooms?.ofAll === "moderate";
  }

  /**
   * Returns a user's right in a room: what the embedding app granted lately, if the store remembers that, and
   * then asks the app; else what it answers. Fails with `unavailable` if it does not answer. Never rejects.
   */
  async find(identity: Identity | undefined, room: string): Promise<Result<Found>> {
    const known = this.known(identity, room);
    if (known !== undefined) return success({ right: known, at: this.#store.now() });
    const granted = identity === undefined ? undefined : await this.#grantOf(identity, room);
    if (granted === undefined || granted.right === "none") return this.ask(identity, room);
    return success({ ...granted, later: this.ask(identity, room) });
  }

  /** Returns a user's right in a room as the embedding app says now; otherwise as `find`. */
  async ask(identity: Identity | undefined, room: string): Promise<Result<Grant>> {
    if (this.#authorizer === undefined || identity?.kind === "program")
      return success({ right: this.#own(identity, room), at: this.#store.now() });
    const answered = await this.#answerOf(this.#authorizer, identity, room);
    if (answered.ok) return answered;
    const { code, message, retryAfterMs } = answered.error;
    return failure({ code, message, retryAfterMs });
  }

  /**
   * As `ask`, after a moderator said that the app is to be asked again: an answer under way does not count,
   * and if the app does not answer, the user may do nothing. Where too many are to be asked for, it waits for
   * its turn, for at most `RECHECK_MS`. Never rejects.
   */
  async recheck(identity: Identity, room: string): Promise<Grant> {
    const authorizer = this.#authorizer;
    if (authorizer === undefined || identity.kind === "program")
      return { right: this.#own(identity, room), at: this.#store.now() };
    const begun = performance.now();
    while (true) {
      authorizer.forget(identity, room);
      const answered = await this.#answerOf(authorizer, identity, room);
      if (answered.ok) return answered.value;
      const { wasAsked, retryAfterMs = 0 } = answered.error;
      if (wasAsked || performance.now() - begun > RECHECK_MS) return { right: "none", at: this.#store.now() };
      await new Promise((resolve) => setTimeout(resolve, retryAfterMs).unref());
    }
  }

  /** Asks the app, and remembers what it grants. */
  async #answerOf(authorizer: Authorizer, identity: Identity | undefined, room: string) {
    const { at, answer } = authorizer.find(identity, room, this.#store.now());
    const answered = await answer;
    if (!answered.ok) return answered;
    // The time of the question: an answer that a recheck overtakes does not count.
    const grant: Grant = { right: answered.value ?? this.#own(identity, room), at };
    if (identity !== undefined) void this.#store.grant(room, new Map([[identity.user, grant]]));
    return success(grant);
  }

  async #grantOf({ user }: Identity, room: string): Promise<Grant | undefined> {
    try {
      const grant = await this.#store.grantOf(room, user);
      return grant !== undefined && grant.at > this.#rechecks.recheckedAt(user) ? grant : undefined;
    } catch (error) {
      if (error instanceof StoreUnavailable) return undefined;
      throw error;
    }
  }

  /** Returns the right by the token or key, and by the settings. */
  #own(identity: Identity | undefined, room: string): Right {
    if (identity?.rooms !== undefined) return identity.rooms.of(room) ?? "none";
    if (this.#private.of(room) === true) return "none";
    return identity === undefined || identity.kind === "guest" ? this.#guests : "write";
  }
}
