import type { Logger } from "../../logging/logger.ts";
import { ThrottledLogger } from "../../logging/throttled-logger.ts";
import { isRight, type Right } from "../../protocol/rights.ts";
import type { Identity, UserKind } from "../identity.ts";
import { type ErrorReply, failure, type Result, success } from "../result.ts";
import { BoundedCalls, spreadRetryMs } from "./bounded-calls.ts";

/** A user as the embedding app is asked about them. */
export interface AskedUser {
  /** The user id: `s-<sub>` or `s_<digest>` of a user of the site, `g…` of a guest. */
  readonly user: string;
  readonly handle: string;
  readonly kind: UserKind;
}

/** What the embedding app is asked. */
export interface RightsQuestion {
  /** Undefined = a client that has not identified, which may only read. */
  readonly identity: AskedUser | undefined;
  /** Names of rooms, which need not exist; at most `ROOMS_PER_CALL`. */
  readonly rooms: readonly string[];
}

/** The rights of a user by room. A room that is missing gets its right from the token and the settings. */
export type RightsAnswer = Readonly<Record<string, Right | undefined>>;

/**
 * Returns what a user may do in rooms. If it throws or rejects, the user may do nothing; if it takes longer
 * than 2 s, the request is answered `unavailable`.
 */
export type Authorize = (question: RightsQuestion) => RightsAnswer | Promise<RightsAnswer>;

/** Rooms of one call, at most. */
export const ROOMS_PER_CALL = 100;

/** How long a question may wait for a free call, ms: less than a client waits for an answer. */
const WAIT_MS = 8_000;

/** Why there is no answer. */
interface NoAnswer extends ErrorReply {
  /** Whether the app was asked; it is not if too many questions wait. */
  readonly wasAsked: boolean;
}

/** The right that the app gave; undefined = it named none. */
type Answer = Result<Right | undefined, NoAnswer>;

/** A question that was asked, or waits for a free call. */
export interface Asked {
  /** When it was made, ms by the store's clock: not after the app was asked. */
  readonly at: number;
  /** Never rejects. */
  readonly answer: Promise<Answer>;
}

/** A question that has not been asked yet. */
interface Question {
  readonly identity: AskedUser | undefined;
  readonly rooms: Map<
    string,
    { readonly answer: Promise<Answer>; readonly resolve: (answer: Answer) => void }
  >;
}

/**
 * Asks the embedding app for rights: the rooms that one user enters at the same time in one call, the same
 * question once, and no more than 32 calls at a time.
 */
export class Authorizer {
  readonly #authorize: Authorize;
  readonly #throttled: ThrottledLogger;
  readonly #calls: BoundedCalls;
  /** By user, the question that more rooms may be added to: it waits for a free call or for the next turn. */
  readonly #open = new Map<string, Question>();
  /** Answers under way by user and room; each is removed when it comes or its time is over. */
  readonly #underWay = new Map<string, Asked>();

  /** @param mostWaiting questions that wait for a free call, at most. */
  constructor(authorize: Authorize, logger: Logger, mostWaiting?: number) {
    this.#authorize = authorize;
    this.#throttled = new ThrottledLogger(logger);
    this.#calls = new BoundedCalls({ waitMs: WAIT_MS, mostWaiting });
  }

  /**
   * Asks for the right that the app gives a user in a room. The answer fails with `unavailable` if the app did
   * not answer in time.
   * @param now the time by the store's clock, ms.
   */
  find(identity: Identity | undefined, room: string, now: number): Asked {
    const key = keyOf(identity, room);
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const asked = { at: now, answer: this.#ask(identity, room) };
    this.#underWay.set(key, asked);
    void asked.answer.then(() => {
      if (this.#underWay.get(key) === asked) this.#underWay.delete(key);
    });
    return asked;
  }

  /** Has the app asked again, even if it is being asked now; `find` is called after this. */
  forget(identity: Identity | undefined, room: string): void {
    this.#underWay.delete(keyOf(identity, room));
  }

  #ask(identity: Identity | undefined, room: string): Promise<Answer> {
    const user = identity?.user ?? "";
    const open = this.#open.get(user);
    if (open !== undefined && open.rooms.size < ROOMS_PER_CALL) return add(open, room);
    const question: Question = { identity: identity && asked(identity), rooms: new Map() };
    this.#open.set(user, question);
    const answer = add(question, room);
    // In the next turn, so that the rooms that a client enters at once are asked for together.
    setImmediate(() => void this.#put(question));
    return answer;
  }

  /** Asks the app a question and answers it. */
  async #put(question: Question): Promise<void> {
    const { identity, rooms } = question;
    const outcome = await this.#calls.run(identity?.user ?? "", () => {
      this.#close(question);
      return this.#authorize({ identity, rooms: [...rooms.keys()] });
    });
    this.#close(question);
    switch (outcome.kind) {
      case "answered":
        settle(question, (room) => this.#answerIn(outcome.value, room));
        break;
      case "failed":
        this.#throttled.log("error", "authorize failed; the user may do nothing", {
          event: "authorize",
          err: outcome.error,
        });
        settle(question, () => success("none"));
        break;
      case "late":
        this.#throttled.log("warn", "authorize did not answer in time", { event: "authorize" });
        settle(question, () => unavailable(true));
        break;
      default:
        settle(question, () => unavailable(false));
    }
  }

  /** Adds no more rooms to a question, which waits no longer. */
  #close(question: Question): void {
    const user = question.identity?.user ?? "";
    if (this.#open.get(user) === question) this.#open.delete(user);
  }

  #answerIn(rights: unknown, room: string): Answer {
    const given: unknown =
      typeof rights === "object" && rights !== null && Object.hasOwn(rights, room)
        ? Reflect.get(rights, room)
        : undefined;
    if (given === undefined || isRight(given)) return success(given);
    this.#throttled.log("error", "authorize returned what is no right", { event: "authorize" });
    return success("none");
  }
}

function keyOf(identity: Identity | undefined, room: string): string {
  return `${identity?.user ?? ""} ${room}`;
}

function asked({ user, handle, kind }: Identity): AskedUser {
  return { user, handle, kind };
}

function add({ rooms }: Question, room: string): Promise<Answer> {
  const known = rooms.get(room);
  if (known !== undefined) return known.answer;
  let resolve: (answer: Answer) => void = () => undefined;
  const answer = new Promise<Answer>((done) => {
    resolve = done;
  });
  rooms.set(room, { answer, resolve });
  return answer;
}

/** Answers a question; does nothing for rooms that have been answered. */
function settle({ rooms }: Question, answerIn: (room: string) => Answer): void {
  for (const [room, { resolve }] of rooms) resolve(answerIn(room));
}

function unavailable(wasAsked: boolean): Answer {
  const error: NoAnswer = {
    wasAsked,
    code: "unavailable",
    message: "It cannot be checked now what you may do here; try again.",
    retryAfterMs: spreadRetryMs(),
  };
  return failure(error);
}
