/** What may be wrong; each is a broken promise of docs/protocol.md, section "What a client may rely on". */
export type Wrong =
  /** The store itself: ids fall, the chain of `prev` is broken, a (user, key) or a text is there twice. */
  | "log"
  /** A send that was acked, or shown as sent, is not in the store exactly once. */
  | "lost-send"
  /** A send is neither sent nor visibly failed after all faults have ended. */
  | "open-send"
  /** A failed send is in the store more than once, or a stored message has the wrong user. */
  | "phantom"
  /** What a client shows is not what the store has: a hole, a double, another order. */
  | "timeline"
  /** A connection was sent entries that are no chain. */
  | "wire-chain"
  /** Somebody was told that something is missing, although Redis lost nothing. */
  | "told-gap"
  /** A client still lacked something long after all faults had ended. */
  | "late"
  /** A user was sent what was stored after they had been shut out. */
  | "shut-out"
  /** What a user said is stored after they had been muted or shut out. */
  | "muted"
  /** What was stored after a sign-out was read with a token from before it. */
  | "signed-out"
  /** Who is in a room is not what its people see. */
  | "presence"
  /** A client reconnected as another user. */
  | "identity"
  /** A process wrote an error, or ended by itself. */
  | "process";

export interface Finding {
  readonly wrong: Wrong;
  /** With ids and texts. */
  readonly sentence: string;
}

/** Findings of a kind that are kept; one cause shows itself in hundreds of places. */
const KEPT = 20;

/** What a seed found to be wrong. */
export class Findings {
  readonly #list: Finding[] = [];
  readonly #counts = new Map<Wrong, number>();

  /** The first ones of each kind, in the order in which they were found. */
  get list(): readonly Finding[] {
    return this.#list;
  }

  /** All of a kind, also those that are not kept. */
  count(wrong: Wrong): number {
    return this.#counts.get(wrong) ?? 0;
  }

  add(wrong: Wrong, sentence: string): void {
    const count = this.count(wrong) + 1;
    this.#counts.set(wrong, count);
    if (count <= KEPT) this.#list.push({ wrong, sentence });
  }
}
