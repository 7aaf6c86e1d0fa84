import type { ErrorCode } from "../../../protocol/codes.ts";
import type { ClientFrame } from "../../../protocol/frames.ts";
import type { Identity } from "../../identity.ts";
import type { AnswerSpace } from "../../limits/answer-budget.ts";
import type { ErrorReply } from "../../result.ts";
import type { ChatContext } from "../chat-context.ts";
import type { RoomSubscription, SubscriptionOwner } from "../room-subscription.ts";
import type { SocketSession } from "../session.ts";

/** The v1 session that a request came by, as the request's handler sees it. */
export interface RequestContext extends SocketSession, SubscriptionOwner {
  readonly context: ChatContext;
  /** The user id of the guest that the cookie names, or of a new one. */
  readonly guest: string;
  /** The user of the embedding app's own session, who cannot become another user; undefined = none. */
  readonly appUser: Identity | undefined;
  /** Whether a hello was accepted. */
  readonly greeted: boolean;
  readonly isClosed: boolean;
  /** Subscriptions by room name. */
  readonly subscriptions: Map<string, RoomSubscription>;
  /** Rooms with a join under way: they count, or many joins sent at once would pass the limit. */
  readonly joining: Set<string>;
  /** Accepts the hello: the client has this identity, until `expiresAt`. */
  greet(identity: Identity): void;
  /**
   * Runs a request that is answered with messages when there is space for them. Rejects as `work` does, and
   * with TooManyAnswers.
   */
  withSpace(
    frame: ClientFrame,
    arrivedAt: number,
    work: (space: AnswerSpace) => Promise<void> | void,
  ): Promise<void>;
  /** Answers with an error; see `ErrorReplies`. */
  refuse(code: ErrorCode, message: string, ref?: number): void;
  /** As `refuse`, for an error that was made elsewhere. */
  refuseWith(error: ErrorReply): void;
}
