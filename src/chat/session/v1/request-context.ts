import type { ErrorCode, Person, ServerFrame } from "../../../protocol.ts";
import type { ErrorReply } from "../../result.ts";
import type { UserKind } from "../../room/member.ts";
import type { ChatContext } from "../chat-context.ts";
import type { RoomSubscription, SubscriptionOwner } from "../room-subscription.ts";
import type { SocketSession } from "../session.ts";

/** The v1 session after a request, as the request's handler sees it. */
export interface RequestContext extends SocketSession, SubscriptionOwner {
  readonly context: ChatContext;
  /** The user id of the guest whom the cookie names, or of a new one. */
  readonly guest: string;
  /** Whether a hello was accepted. */
  readonly greeted: boolean;
  readonly isClosed: boolean;
  readonly subscriptions: Map<string, RoomSubscription>;
  /** Rooms it is about to enter: they count, or many joins sent at once would pass the limit. */
  readonly joining: Set<string>;
  /** The hello was accepted: this is who the client is, until `endsAt` (ms since 1970; undefined = for good). */
  greet(person: Person, kind: UserKind, endsAt: number | undefined, siteKey: string | undefined): void;
  /** Answers something that happened in a room: as `send`, but in a busy room together with its messages. */
  answerIn(room: string, frame: ServerFrame): void;
  /** Answers with an error; see `ErrorReplies`. */
  refuse(code: ErrorCode, message: string, ref?: number): void;
  /** As `refuse`, for an error that was made elsewhere. */
  refuseWith(error: ErrorReply): void;
}
