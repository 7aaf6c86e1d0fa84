import Type from "typebox";
import { LONGEST_RULE_SECONDS, RULE_RIGHTS, RULES_LISTED } from "../../chat/rights/moderation.ts";
import { REPORTS_LISTED } from "../../chat/rights/reports.ts";
import { ROOMS_LISTED } from "../../chat/room/queries.ts";
import { ERRORS } from "../../protocol/codes.ts";
import { ID, KEY, ROOM } from "../../protocol/ids.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { RIGHTS, SUBJECT, USERS } from "../../protocol/rights.ts";

const MessageId = (description: string) =>
  Type.String({ pattern: ID.source, description, examples: ["1795257593307-41"] });

const Person = Type.Object(
  { id: Type.String(), handle: Type.String() },
  { description: "A user as others see them" },
);

const RoomSummary = Type.Object(
  {
    room: Type.String(),
    last: MessageId("The newest message's id"),
    count: Type.Integer({ description: "People who are there now" }),
  },
  { description: "A room that has messages" },
);

const Message = Type.Object(
  {
    id: MessageId("Order, time and cursor"),
    prev: MessageId("The id of the message before it"),
    type: Type.String({ description: "message, or a kind that a reader need not know" }),
    room: Type.String(),
    user: Type.Optional(Type.String()),
    handle: Type.Optional(Type.String()),
    text: Type.Optional(Type.String()),
    key: Type.Optional(Type.String()),
  },
  { description: "A stored entry of a room" },
);

const Limits = Type.Object(
  {
    textLength: Type.Integer({ description: "Code points" }),
    frameBytes: Type.Integer(),
    messagesPerSecond: Type.Integer({ description: "0 = no limit" }),
    burst: Type.Integer(),
    rooms: Type.Integer(),
  },
  { description: "What one connection or session may do" },
);

/**
 * Security of routes that read: every client may; if the site's tokens are required, only users with one, and
 * programs.
 */
export const READERS = [{}, { key: [] }, { session: [] }];

/** Security of routes that write. */
export const WRITERS = [{ key: [] }, { session: [] }];

export const RoomParams = Type.Object({
  room: Type.String({ pattern: ROOM.source, description: "The room's name", examples: ["lobby"] }),
});

export const Failure = Type.Object(
  {
    code: Type.String({ enum: Object.keys(ERRORS) }),
    message: Type.String({ description: "A sentence for a person" }),
    retryable: Type.Boolean({ description: "Whether the same request may succeed later" }),
    retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { description: "The request was not carried out" },
);

/** The error answers of every route. */
export const FAILURES = { "4xx": Failure, "5xx": Failure };

export const RoomList = Type.Object(
  {
    rooms: Type.Array(RoomSummary, {
      maxItems: ROOMS_LISTED,
      description: "The one spoken in last first",
    }),
  },
  { description: "Rooms that have messages" },
);

export const PageQuery = Type.Object({
  before: Type.Optional(MessageId("The newest messages before this one; not together with after")),
  after: Type.Optional(MessageId("The oldest messages after this one; 0-0 = from the beginning")),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: LIMITS.answerMessages, default: LIMITS.joinMessages }),
  ),
});

export const MessagePage = Type.Object(
  {
    messages: Type.Array(Message, { description: "Oldest first" }),
    more: Type.Boolean({ description: "Whether the store goes on in the direction asked" }),
    recovered: Type.Optional(
      Type.Boolean({
        description: "false: the store no longer continues from `after`, and there are no messages",
      }),
    ),
  },
  { description: `At most ${LIMITS.answerBytes / 1024} KiB of messages` },
);

export const NewMessage = Type.Object(
  {
    text: Type.String({ description: "Markup in it is text" }),
    handle: Type.Optional(
      Type.String({ description: "The name to be shown; the caller's own if it is missing" }),
    ),
  },
  { description: "The message to be published" },
);

/** Node gives header names in lower case. */
export const NewMessageHeaders = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({ pattern: KEY.source, description: "The same key again stores nothing new" }),
  ),
});

export const Stored = Type.Object(
  { id: MessageId("The message's id"), duplicate: Type.Optional(Type.Boolean()) },
  { description: "Everybody in the room gets the message" },
);

export const StoredBefore = Type.Object(
  { id: MessageId("The first one's id"), duplicate: Type.Boolean() },
  { description: "This key was stored before" },
);

export const NewAccessRule = Type.Object(
  {
    user: Type.String({
      pattern: SUBJECT.source,
      description: "A user id, * for everybody, or @ and a digest for the guests of an address",
    }),
    right: Type.Enum(RULE_RIGHTS, {
      description: "The most that the user may do; default takes back what was set before",
    }),
    seconds: Type.Optional(
      Type.Integer({ minimum: 1, maximum: LONGEST_RULE_SECONDS, description: "How long it holds" }),
    ),
    reason: Type.Optional(Type.String({ description: "For other moderators" })),
    address: Type.Optional(
      Type.Boolean({
        description: "Also for all guests of the address of the user, a guest who is in the room",
      }),
    ),
  },
  { description: "What a user may do in a room, or in all rooms" },
);

export const UserInBody = Type.Object(
  { user: Type.String({ pattern: USERS.source, description: "A user id, or * for everybody" }) },
  { description: "The user whom it is about" },
);

export const SignOutBody = Type.Object(
  {
    user: Type.String({
      pattern: USERS.source,
      description: "The id of a user of the site, or * for all of them",
    }),
    undo: Type.Optional(Type.Boolean({ description: "Takes a sign-out back" })),
  },
  { description: "Whom to sign out" },
);

export const AccessChanged = Type.Object(
  { id: MessageId("The id of the entry that tells all processes") },
  { description: "The rule holds from that entry on" },
);

export const AccessQuery = Type.Object({
  before: Type.Optional(MessageId("Only rules made before this one")),
});

const AccessRuleSchema = Type.Object(
  {
    id: MessageId("The id of the entry that made the rule"),
    user: Type.String(),
    right: Type.String({ enum: RIGHTS }),
    until: Type.Optional(Type.Number({ description: "When it ends, ms since 1970" })),
    by: Type.String({ description: "The user id of the moderator" }),
    reason: Type.Optional(Type.String()),
  },
  { description: "The most that a user may do in a room, or in all rooms" },
);

export const AccessRuleList = Type.Object(
  {
    rules: Type.Array(AccessRuleSchema, { maxItems: RULES_LISTED, description: "Newest first" }),
    more: Type.Boolean({ description: "Whether there are older ones" }),
  },
  { description: "The access rules of a room, or of all rooms" },
);

const ReportId = Type.String({ description: "The report's id", examples: ["1795257604912"] });

export const NewReport = Type.Object(
  {
    id: MessageId("The message that is reported"),
    reason: Type.Optional(Type.String({ description: "For operators" })),
  },
  { description: "A message that operators should look at" },
);

export const ReportStored = Type.Object(
  { id: ReportId },
  { description: "Operators see the report, with the message as it is now" },
);

export const ReportStoredBefore = Type.Object(
  { id: ReportId, duplicate: Type.Boolean() },
  { description: "The caller reported this message before" },
);

export const ReportParams = Type.Object({ report: ReportId });

export const ReportQuery = Type.Object({
  before: Type.Optional(
    Type.String({
      pattern: /^\d{1,16}$/.source,
      description: "Only reports made before the one with this id",
    }),
  ),
  room: Type.Optional(Type.String({ pattern: ROOM.source, description: "Only reports of this room" })),
});

const ReportSchema = Type.Object(
  {
    id: ReportId,
    at: Type.Number({ description: "When it was made, ms since 1970" }),
    room: Type.String(),
    message: MessageId("The message's id"),
    user: Type.String({ description: "The sender of the message" }),
    handle: Type.String(),
    text: Type.String({ description: "The message as it was; of a very long one the beginning" }),
    by: Type.Object(
      {
        user: Type.String(),
        handle: Type.String(),
        kind: Type.String({ enum: ["guest", "site", "program"] }),
      },
      { description: "The user who reported it" },
    ),
    reason: Type.Optional(Type.String()),
  },
  { description: "A message that a user has reported" },
);

export const ReportList = Type.Object(
  {
    reports: Type.Array(ReportSchema, { maxItems: REPORTS_LISTED, description: "Newest first" }),
    more: Type.Boolean({ description: "Whether there are older ones" }),
  },
  { description: "Reports of the rooms that the caller may moderate" },
);

export const Dismissed = Type.Null({ description: "The report is gone" });

export const Presence = Type.Object(
  {
    count: Type.Integer(),
    users: Type.Array(Person, {
      description: `At most ${LIMITS.presenceNames}: networks share the names; with more networks than that, no user is named`,
    }),
  },
  { description: "Who is in the room, over all processes" },
);

export const Hello = Type.Object(
  {
    token: Type.Optional(Type.String({ description: "The embedding site's, or that of an earlier welcome" })),
    handle: Type.Optional(Type.String({ description: "The name to be shown" })),
  },
  { description: "Who a session is for" },
);

export const Welcome = Type.Object(
  {
    user: Person,
    token: Type.Optional(Type.String({ description: "Makes a guest the same guest again" })),
    endsAt: Type.Optional(Type.Integer({ description: "When the session ends, ms since 1970" })),
    pingMs: Type.Integer(),
    limits: Limits,
  },
  { description: "The session's cookie is set" },
);

export const LastEventId = Type.Object({
  "last-event-id": Type.Optional(
    Type.String({
      pattern: `^$|${ID.source}`,
      description: "The last id the reader has: the stream begins after it; without it, with what comes next",
    }),
  ),
});

export const EventsQuery = Type.Object({
  room: Type.Array(
    Type.String({
      pattern: `${ROOM.source.slice(0, -1)}(@${ID.source.slice(1, -1)})?$`,
      examples: ["lobby", "attic@1795257593307-41"],
    }),
    { minItems: 1, description: "Rooms, each with the last id the reader has after an @, or without one" },
  ),
});

export const EventStreamAnswer = {
  description: "Server-sent events: messages without an event name, everything else with its type for a name",
  content: { "text/event-stream": { schema: Type.String() } },
};

/** The schemas that the description names; a schema that is part of another comes first. */
export const NAMED_SCHEMAS = {
  User: Person,
  Limits,
  Message,
  MessagePage,
  NewMessage,
  StoredMessage: Stored,
  MessageStoredBefore: StoredBefore,
  RoomSummary,
  RoomList,
  AccessRule: AccessRuleSchema,
  AccessRuleList,
  AccessRuleChange: NewAccessRule,
  Report: ReportSchema,
  ReportList,
  NewReport,
  Presence,
  SessionRequest: Hello,
  Session: Welcome,
  Failure,
};
