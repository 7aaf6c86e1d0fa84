import { CLOSE } from "../../../protocol/codes.ts";
import type { JoinedFrame, LeftFrame } from "../../../protocol/frames.ts";
import { LIMITS } from "../../../protocol/limits.ts";
import type { Grant } from "../../../store/access.ts";
import type { Entry } from "../../../store/store.ts";
import type { Connection } from "../../connection.ts";
import type { Identity } from "../../identity.ts";
import type { AnswerBudget, AnswerSpace } from "../../limits/answer-budget.ts";
import type { Found } from "../../rights/rights.ts";
import { Forbidden } from "../../rights/visitor.ts";
import { type Member, visitorOf } from "../../room/member.ts";
import type { Room } from "../../room/room.ts";
import type { Snapshot } from "../../room/snapshot.ts";
import type { ChatContext } from "../chat-context.ts";
import { writeMissed } from "../missed-pages.ts";

/** A room that a stream is opened for. */
export interface StreamRoom {
  readonly room: string;
  /** The last id that the reader has; undefined = the stream begins with the next entry. */
  readonly after: string | undefined;
  /** The reader's right without the room's access rules. */
  readonly found: Found;
}

/** What an event stream is opened with. */
export interface StreamRequest {
  readonly identity: Identity;
  /** Each room once. */
  readonly rooms: readonly StreamRoom[];
}

/**
 * The state of a stream in one room: `outside` until `enter`, `entering` while what was missed is read,
 * `inside` when it gets live entries; `left` is final.
 */
type SubscriptionState = "outside" | "entering" | "inside" | "left";

/**
 * A stream's membership in one room. Sends first what the reader missed, oldest first and page by page as it
 * is read; then `joined`, and then live entries. If the store does not continue from what the reader has:
 * `reset`, and the newest entries.
 */
export class StreamSubscription implements Member {
  readonly connection: Connection;
  readonly identity: Identity;
  readonly #context: ChatContext;
  readonly #answers: AnswerBudget;
  readonly #room: string;
  #base: Grant;
  /** Called when the reader may no longer read this room. */
  readonly #ended: () => void;
  /** The room of the last attempt to enter; undefined before that. */
  #here: Room | undefined;
  /** The last id that the reader has. */
  #after: string | undefined;
  #state: SubscriptionState = "outside";

  constructor(
    context: ChatContext,
    connection: Connection,
    answers: AnswerBudget,
    identity: Identity,
    { room, after, found }: StreamRoom,
    ended: () => void,
  ) {
    this.#ended = ended;
    this.#context = context;
    this.#answers = answers;
    this.connection = connection;
    this.identity = identity;
    this.#room = room;
    this.#base = found;
    void found.later?.then((base) => base.ok && this.#setBase(base.value));
    this.#after = after;
  }

  /**
   * Sends what the reader missed, then joins the room; does nothing if that is under way or done. Rejects
   * with StoreUnavailable and TooManyAnswers.
   */
  async enter(): Promise<void> {
    if (this.#state !== "outside") return;
    this.#state = "entering";
    try {
      await this.#readOn();
      await this.#answers.read(this.#join);
    } catch (error) {
      if (!(error instanceof Forbidden)) throw error;
      this.expelled(error.message);
    } finally {
      if (this.#state === "entering") this.#state = "outside";
    }
  }

  /** Whether the stream has left the room for good. */
  get isOver(): boolean {
    return this.#state === "left";
  }

  leave(): void {
    this.#state = "left";
    if (this.#here !== undefined) this.#context.rooms.leave(this.#here, this.connection.id);
  }

  get base(): Grant {
    return this.#base;
  }

  /** Does nothing: a stream publishes no messages. */
  handleSettled(): void {}

  joined(snapshot: Snapshot): void {
    if (this.#isLeft()) return;
    this.#state = "inside";
    if (!snapshot.recovered) {
      this.restarted(snapshot);
      return;
    }
    this.#write(snapshot.entries);
    // Messages come faster than pages can be read: the reader reconnects and continues from here, without a
    // loss.
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

  /** Does nothing: a stream only reads. */
  rightChanged(): void {}

  expelled(sentence: string): void {
    this.leave();
    const left: LeftFrame = { type: "left", room: this.#room, reason: sentence };
    this.connection.write(this.connection.codec.frame(left));
    this.#ended();
  }

  recheck(): void {
    void this.#context.rights.recheck(this.identity, this.#room).then((base) => this.#setBase(base));
  }

  #setBase(base: Grant): void {
    // The app was asked again meanwhile, and has answered that.
    if (base.at < this.#base.at) return;
    this.#base = base;
    this.#here?.rightChanged(this);
  }

  readonly #join = async (space: AnswerSpace): Promise<void> => {
    if (this.#isLeft()) return;
    const limit = this.#after === undefined ? 0 : LIMITS.answerMessages;
    const { rooms } = this.#context;
    const room = rooms.open(this.#room, { network: this.connection.network, identity: this.identity });
    this.#here = room;
    await rooms.join(room, this, { after: this.#after, limit }, space);
    // The reader may have disconnected while the room was read.
    if (this.#isLeft()) rooms.leave(room, this.connection.id);
  };

  /** Sends all that was missed except the last page, which is sent when it joins. */
  async #readOn(): Promise<void> {
    if (this.#after === undefined) return;
    await writeMissed(
      this.#context.queries,
      this.#answers,
      this.#room,
      visitorOf(this),
      this.#after,
      (entries) => {
        if (this.#isLeft()) return false;
        this.#write(entries);
        this.#after = entries.at(-1)?.id;
        return true;
      },
    );
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
      right: this.#here?.rightOf(visitorOf(this)) ?? "read",
    };
    this.connection.write(this.connection.codec.frame(frame));
  }
}
