/**
 * The frames of `dynochat.v1`, as docs/protocol.md describes them. This folder imports nothing from outside,
 * so that client, page and server share its files.
 */

import type { ErrorCode } from "./codes.ts";
import type { Right } from "./rights.ts";

/** The WebSocket subprotocol that selects the frames of this file. */
export const SUBPROTOCOL = "dynochat.v1";

/** A user as others see them. */
export interface Person {
  readonly id: string;
  readonly handle: string;
}

// Client to server

export interface HelloRequest {
  readonly type: "hello";
  readonly ref: number;
  readonly handle?: string | undefined;
  readonly token?: string | undefined;
}

export interface JoinRequest {
  readonly type: "join";
  readonly ref: number;
  readonly room: string;
  /** Cursor: the last id the client has; `0-0` = from the beginning. */
  readonly after?: string | undefined;
  readonly limit?: number;
}

export interface LeaveRequest {
  readonly type: "leave";
  readonly ref: number;
  readonly room: string;
}

export interface MessageRequest {
  readonly type: "message";
  readonly ref: number;
  readonly room: string;
  /** Chosen by the client, unique per message; the same key again stores nothing new. */
  readonly key: string;
  readonly text: string;
}

export interface HistoryRequest {
  readonly type: "history";
  readonly ref: number;
  readonly room: string;
  readonly before?: string;
  readonly after?: string | undefined;
  readonly limit?: number;
}

export interface TypingRequest {
  readonly type: "typing";
  readonly room: string;
  readonly on: boolean;
}

/** Changes the most that a user may do in a room, or in all rooms; needs the right to moderate there. */
export interface AccessRequest {
  readonly type: "access";
  readonly ref: number;
  /** Absent: all rooms. */
  readonly room?: string;
  /** A user id, or `*` for everybody. */
  readonly user: string;
  /** `default` takes back what was set before. */
  readonly right: "none" | "read" | "write" | "default";
  /** How long it holds; absent: until it is changed. */
  readonly seconds?: number;
  /** For other moderators; code points are limited. */
  readonly reason?: string;
  /** The rule is also for all guests of the address of the user, a guest who is there. */
  readonly address?: boolean;
}

/** Asks for the access rules of a room, or of all rooms, newest first; needs the right to moderate there. */
export interface AccessListRequest {
  readonly type: "access-list";
  readonly ref: number;
  /** Absent: the rules for all rooms. */
  readonly room?: string;
  /** The id of a rule: only those made before it. */
  readonly before?: string;
}

/**
 * Has the embedding app asked again what a user may do in a room, or in all rooms; needs the right to
 * moderate there.
 */
export interface RecheckRequest {
  readonly type: "recheck";
  readonly ref: number;
  /** Absent: all rooms. */
  readonly room?: string;
  /** A user id, or `*` for everybody. */
  readonly user: string;
}

/** Ends the tokens and sessions that a user of the site has; needs the right to moderate all rooms. */
export interface SignOutRequest {
  readonly type: "sign-out";
  readonly ref: number;
  /** A user id, or `*` for every user of the site. */
  readonly user: string;
  /** Takes a sign-out back. */
  readonly undo?: boolean;
}

/** Reports a message of a joined room to the operators. */
export interface ReportRequest {
  readonly type: "report";
  readonly ref: number;
  readonly room: string;
  /** The id of the message. */
  readonly id: string;
  /** For operators; code points are limited. */
  readonly reason?: string;
}

export interface PingRequest {
  readonly type: "ping";
  readonly ref: number;
}

export interface PongNote {
  readonly type: "pong";
}

export type ClientFrame =
  | HelloRequest
  | JoinRequest
  | LeaveRequest
  | MessageRequest
  | HistoryRequest
  | TypingRequest
  | ModerationRequest
  | ReportRequest
  | PingRequest
  | PongNote;

/** What only users who may moderate send. */
export type ModerationRequest = AccessRequest | AccessListRequest | RecheckRequest | SignOutRequest;

// Server to client

export interface WelcomeFrame {
  readonly type: "welcome";
  readonly ref: number;
  /** The id of this connection. */
  readonly session: string;
  /** The signed user id; a client that sends it back as `hello.token` is the same user. */
  readonly token: string;
  readonly user: Person;
  readonly pingMs: number;
  readonly limits: {
    /** Code points. */
    readonly textLength: number;
    readonly frameBytes: number;
    /** 0 = no limit. */
    readonly messagesPerSecond: number;
    readonly burst: number;
    readonly rooms: number;
  };
}

/** A chat message; one entry of the room's stream. */
export interface MessageFrame {
  readonly id: string;
  readonly prev: string;
  readonly type: "message";
  readonly room: string;
  readonly user: string;
  readonly handle: string;
  readonly text: string;
  /** Absent if the sender gave none (the plain protocol). */
  readonly key?: string;
}

/** A message was withdrawn; one entry of the room's stream. */
export interface RemovedFrame {
  readonly id: string;
  readonly prev: string;
  readonly type: "removed";
  readonly room: string;
  readonly target: string;
}

/** A message was changed; one entry of the room's stream. */
export interface EditedFrame {
  readonly id: string;
  readonly prev: string;
  readonly type: "edited";
  readonly room: string;
  readonly target: string;
  readonly text: string;
}

/**
 * An entry of a room's stream. Every entry moves the cursor, also one of a type that the reader does not
 * know.
 */
export type EntryFrame = MessageFrame | RemovedFrame | EditedFrame | AccessFrame;

export interface JoinedFrame {
  readonly type: "joined";
  /**
   * Absent: not an answer, the server sent it because the room's stream was reset or lost its newest entries.
   */
  readonly ref?: number;
  readonly room: string;
  /**
   * False: discard what is shown from `messages[0].id` on (all, if there is none or its `prev` is `0-0`);
   * there is a gap before.
   */
  readonly recovered: boolean;
  /** The newest id at that moment, `0-0` if none; live frames begin after it. */
  readonly head: string;
  /** Oldest first. */
  readonly messages: readonly EntryFrame[];
  readonly more: boolean;
  readonly present: { readonly count: number; readonly users: readonly Person[] };
  /** The client's own handle in this room: with a suffix if another user's handle looks like it. */
  readonly handle: string;
  /** What the client may do in the room; absent: the server is of an older version, and it may write. */
  readonly right?: Right;
}

export interface AckFrame {
  readonly type: "ack";
  readonly ref: number;
  readonly room: string;
  readonly key: string;
  readonly id: string;
  /** The key was stored before; `id` is that of the stored message. */
  readonly duplicate?: true;
}

export interface HistoryFrame {
  readonly type: "history";
  readonly ref: number;
  readonly room: string;
  /** Oldest first. */
  readonly messages: readonly EntryFrame[];
  /** Whether there are more messages in the direction of the request. */
  readonly more: boolean;
  /** Present if the store no longer continues from `after`: there is a gap, which `messages` do not fill. */
  readonly recovered?: false;
}

/** What a user may do in a room at most. */
export interface AccessRuleView {
  /** The id of the entry that made the rule. */
  readonly id: string;
  /** A user id, `*` for everybody, or `@` and a digest for the guests of an address. */
  readonly user: string;
  readonly right: Right;
  /** When it ends, ms since 1970 UTC; absent: never. */
  readonly until?: number;
  /** The user id of the moderator. */
  readonly by: string;
  readonly reason?: string;
}

export interface AccessListFrame {
  readonly type: "access-list";
  readonly ref: number;
  /** Absent: the rules for all rooms. */
  readonly room?: string | undefined;
  /** Newest first. */
  readonly rules: readonly AccessRuleView[];
  /** Whether there are older ones. */
  readonly more: boolean;
}

/**
 * What somebody may do in a room has changed; one entry of the room's stream. It does not tell who or how.
 */
export interface AccessFrame {
  readonly id: string;
  readonly prev: string;
  readonly type: "access";
  readonly room: string;
}

/** What the client may do in a room has changed. */
export interface RightFrame {
  readonly type: "right";
  readonly room: string;
  readonly right: Right;
}

/** The server ended the membership in a room: the user may no longer enter it. */
export interface LeftFrame {
  readonly type: "left";
  readonly room: string;
  /** A sentence for a person. */
  readonly reason: string;
}

export interface OkFrame {
  readonly type: "ok";
  readonly ref: number;
}

export interface PongFrame {
  readonly type: "pong";
  readonly ref: number;
}

export interface ErrorFrame {
  readonly type: "error";
  /** Absent if the rejected frame had none that could be read. */
  readonly ref?: number;
  readonly code: ErrorCode;
  /** A sentence for a person. */
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
}

/**
 * Changes of presence, merged: at most one frame per second and room. At most `LIMITS.presenceNames` users
 * are named; in a crowd there is only `count`.
 */
export interface PresenceFrame {
  readonly type: "presence";
  readonly room: string;
  readonly count: number;
  readonly joined?: readonly Person[];
  /** User ids. */
  readonly left?: readonly string[];
}

export interface TypingFrame {
  readonly type: "typing";
  readonly room: string;
  readonly user: string;
  readonly handle: string;
  readonly on: boolean;
}

export interface NoticeFrame {
  readonly type: "notice";
  readonly room?: string;
  readonly text: string;
}

export interface StatusFrame {
  readonly type: "status";
  readonly live: boolean;
  /** Absent: all rooms. */
  readonly room?: string;
  readonly reason: string;
}

export interface RestartFrame {
  readonly type: "restart";
  readonly reconnectInMs: number;
}

export interface ExpiringFrame {
  readonly type: "expiring";
  readonly inMs: number;
}

/** Sent only if nothing else was sent for `pingMs`: a page cannot see the pings of WebSocket. */
export interface PingFrame {
  readonly type: "ping";
}

export type ServerFrame =
  | WelcomeFrame
  | EntryFrame
  | JoinedFrame
  | AckFrame
  | HistoryFrame
  | AccessListFrame
  | RightFrame
  | LeftFrame
  | OkFrame
  | PongFrame
  | ErrorFrame
  | PresenceFrame
  | TypingFrame
  | NoticeFrame
  | StatusFrame
  | RestartFrame
  | ExpiringFrame
  | PingFrame;
