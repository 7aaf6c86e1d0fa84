import { CLOSE, type JoinedFrame, LIMITS, type Person } from "../../../protocol.ts";
import type { Entry } from "../../../store/store.ts";
import type { Connection } from "../../connection.ts";
import type { AnswerBudget, AnswerSpace } from "../../limits/answer-budget.ts";
import type { Member, UserKind } from "../../room/member.ts";
import type { Snapshot } from "../../room/snapshot.ts";
import type { ChatContext } from "../chat-context.ts";
import { writeMissed } from "../missed-pages.ts";

/** A room that a stream is to carry. */
export interface StreamRoom {
  readonly room: string;
  /** The last id that the reader has; undefined = the stream begins with what comes next. */
  readonly after: string | undefined;
}

/** Who opens a stream, and what for. */
export interface StreamRequest {
  readonly person: Person;
  readonly kind: UserKind;
  /** As `Session.siteKey`. */
  readonly siteKey: string | undefined;
  /** When they are no longer let in, ms since 1970 UTC; undefined = never. */
  readonly endsAt: number | undefined;
  /** Each room once. */
  readonly rooms: readonly StreamRoom[];
}

/**
 * Where a stream stands in one room: `outside` until `enter`, `entering` while what was missed is being read, `inside` when it
 * gets what comes; `left` is final.
 */
type PlaceState = "outside" | "entering" | "inside" | "left";

/**
 * A stream's place in one room. What the reader missed comes first, oldest first and page by page as it is read; then
 * `joined`, and from there on what is live. Where the store does not continue from what the reader has: `reset`, and the newest.
 */
export class StreamSubscription implements Member {
  readonly connection: Connection;
  readonly person: Person;
  readonly kind: UserKind;
  readonly #context: ChatContext;
  readonly #answers: AnswerBudget;
  readonly #room: string;
  /** The last id that the reader has. */
  #after: string | undefined;
  #state: PlaceState = "outside";

  constructor(
    context: ChatContext,
    connection: Connection,
    answers: AnswerBudget,
    { person, kind }: Pick<StreamRequest, "person" | "kind">,
    { room, after }: StreamRoom,
  ) {
    this.#context = context;
    this.#answers = answers;
    this.connection = connection;
    this.person = person;
    this.kind = kind;
    this.#room = room;
    this.#after = after;
  }

  /** Brings the reader up to now and lets it in; nothing where that is under way or done. Rejects with StoreUnavailable and TooManyAnswers. */
  async enter(): Promise<void> {
    if (this.#state !== "outside") return;
    this.#state = "entering";
    try {
      await this.#readOn();
      await this.#answers.read(this.#join);
    } finally {
      if (this.#state === "entering") this.#state = "outside";
    }
  }

  leave(): void {
    this.#state = "left";
    this.#context.rooms.leave(this.#room, this.connection.id);
  }

  /** It says nothing. */
  handleSettled(): void {}

  joined(snapshot: Snapshot): void {
    if (this.#isLeft()) return;
    this.#state = "inside";
    if (!snapshot.recovered) {
      this.restarted(snapshot);
      return;
    }
    this.#write(snapshot.entries);
    // Faster than it can be read, page by page: from here the reader comes back, and is no worse off.
    if (this.#after !== undefined && snapshot.more)
      this.connection.close(CLOSE.overloaded, "come back for more");
    else this.#tell(snapshot);
  }

  restarted(snapshot: Snapshot): void {
    const reset = { type: "reset", room: this.#room, recovered: false };
    this.connection.write(this.connection.codec.json(Buffer.from(JSON.stringify(reset))));
    this.#write(snapshot.entries.slice(-LIMITS.joinMessages));
    this.#tell(snapshot);
  }

  readonly #join = async (space: AnswerSpace): Promise<void> => {
    if (this.#isLeft()) return;
    const limit = this.#after === undefined ? 0 : LIMITS.answerMessages;
    await this.#context.rooms.join(this.#room, this, { after: this.#after, limit }, space);
    // The reader may have gone while the room was being read.
    if (this.#isLeft()) this.#context.rooms.leave(this.#room, this.connection.id);
  };

  /** Sends all that was missed but the last page, which comes with joining. */
  async #readOn(): Promise<void> {
    if (this.#after === undefined) return;
    await writeMissed(this.#context.queries, this.#answers, this.#room, this.#after, (entries) => {
      if (this.#isLeft()) return false;
      this.#write(entries);
      this.#after = entries.at(-1)?.id;
      return true;
    });
  }

  #isLeft(): boolean {
    return this.#state === "left";
  }

  #write(entries: readonly Entry[]): void {
    const { codec } = this.connection;
    if (entries.length > 0) this.connection.write(Buffer.concat(entries.map((entry) => codec.entry(entry))));
  }

  #tell({ recovered, head, more, count, users, handle }: Snapshot): void {
    const present = { count, users };
    const frame: JoinedFrame = {
      type: "joined",
      room: this.#room,
      recovered,
      head,
      messages: [],
      more,
      present,
      handle,
    };
    this.connection.write(this.connection.codec.frame(frame));
  }
}
