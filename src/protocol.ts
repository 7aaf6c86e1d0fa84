/**
 * The words that both ends of a connection share: frames, limits, codes and message ids of
 * `dynochat.v1`, as docs/protocol.md describes them. No import, so that the browser's client and the
 * server read the same file.
 */

/** The WebSocket subprotocol that selects the frames of this file. */
export const SUBPROTOCOL = "dynochat.v1";

/** The id before the first message of a stream; as a cursor: from the beginning. */
export const BEGINNING = "0-0";

/** Sizes and times that are part of the contract and therefore no setting. */
export const LIMITS = {
  /** Bytes of one inward frame; 2,000 code points, each escaped, fit. */
  frameBytes: 32 * 1024,
  /** WebSocket fragments of one inward message, empty ones too. */
  messageFragments: 64,
  /** Milliseconds from the first byte of a message to its last. */
  messageMs: 30_000,
  /** Bytes of one answer that carries messages; the rest comes by the next request. */
  answerBytes: 256 * 1024,
  /** Messages of one answer. */
  answerMessages: 200,
  /** Messages of a join that names no limit, and of a plain socket's history. */
  joinMessages: 50,
  /** Milliseconds in which a socket must say hello. */
  helloMs: 5_000,
  /** Milliseconds within which a request that needs the store is answered. */
  unavailableMs: 2_000,
  /** Milliseconds of silence towards a v1 client after which it is sent a `ping`. */
  pingMs: 25_000,
  /** Milliseconds after which a receiver lets a typing hint lapse. */
  typingMs: 6_000,
  /** Milliseconds for which a (room, user, key) is remembered. */
  keyMs: 600_000,
  /** Bytes waiting for a reader above which hints are dropped and answers wait. */
  hintWaterline: 64 * 1024,
  /** Bytes waiting for a reader above which it is closed with `tooSlow`. */
  closeWaterline: 1024 * 1024,
  /** People of a room who are told by name; networks share the names, and where there are more of these, presence is only a count. */
  presenceNames: 200,
  /** Bad frames within `badFrameWindowMs` that end a connection. */
  badFrames: 20,
  badFrameWindowMs: 10_000,
  /** Refusals as rate-limited within `refusalWindowMs` that end a connection. */
  refusals: 200,
  refusalWindowMs: 10_000,
  /** Characters of a handle as a reader counts them: grapheme clusters (UAX #29). */
  handleLength: 32,
} as const;

/** Close codes of a socket; RFC 6455 section 7.4 names those below 4000. */
export const CLOSE = {
  goingAway: 1001,
  frameTooBig: 1009,
  serverFault: 1011,
  restarting: 1012,
  overloaded: 1013,
  protocolViolation: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  tooSlow: 4408,
  tooMany: 4429,
} as const;

/** Every error code, and whether the same request may succeed later without a change. */
export const ERRORS = {
  "bad-frame": { retryable: false },
  "bad-request": { retryable: false },
  "unknown-type": { retryable: false },
  "hello-first": { retryable: false },
  "not-joined": { retryable: false },
  "not-found": { retryable: false },
  "bad-room": { retryable: false },
  "bad-handle": { retryable: false },
  "text-empty": { retryable: false },
  "text-too-long": { retryable: false },
  "too-many-rooms": { retryable: false },
  "rate-limited": { retryable: true },
  forbidden: { retryable: false },
  unauthorized: { retryable: false },
  unavailable: { retryable: true },
  "storage-full": { retryable: true },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** A room's name. */
export const ROOM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** A message's key. */
export const KEY = /^[A-Za-z0-9_-]{1,64}$/;
/** A message's id: two decimal numbers that a double holds exactly, joined by a hyphen. */
export const ID = /^(\d{1,16})-(\d{1,16})$/;

export function isRoom(value: string): boolean {
  return ROOM.test(value);
}

/**
 * Returns a text without blank lines at its beginning and without blanks at its end. The first line of several keeps its
 * indentation, because the other lines are read against it, as in code; one line alone loses it.
 */
export function trimText(text: string): string {
  // `\s*` takes the indentation too and gives it back up to the last line end before it.
  const trimmed = text.trimEnd().replace(/^\s*[\n\r]/, "");
  return /[\n\r]/.test(trimmed) ? trimmed : trimmed.trimStart();
}

export function isMessageId(value: string): boolean {
  return ID.test(value);
}

/**
 * The order of two message ids of one log: negative, zero or positive, as Array.sort wants it.
 * The parts are compared as numbers, never as text.
 */
export function compareIds(a: string, b: string): number {
  return timeOf(a) - timeOf(b) || numberOf(a) - numberOf(b);
}

/** When a message was stored, by the store's clock, in ms since 1970 UTC. */
export function timeOf(id: string): number {
  return Number(id.slice(0, id.indexOf("-")));
}

/** Its place among the messages of one millisecond. */
function numberOf(id: string): number {
  return Number(id.slice(id.indexOf("-") + 1));
}

/** A person as others see them. */
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
  /** Chosen by the client, unique to this message; the same key again stores nothing new. */
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
  | PingRequest
  | PongNote;

// Server to client

export interface WelcomeFrame {
  readonly type: "welcome";
  readonly ref: number;
  /** This connection. */
  readonly session: string;
  /** Who the client is, signed; sent back as `hello.token` it is the same user. */
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
  /** Absent where the sender gave none (the plain protocol). */
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

/** Any entry of a stream moves the cursor, also one of a type that the reader does not know. */
export type EntryFrame = MessageFrame | RemovedFrame | EditedFrame;

export interface JoinedFrame {
  readonly type: "joined";
  /** Absent: the server's own; this room's stream was reset or lost its newest entries. */
  readonly ref?: number;
  readonly room: string;
  /**
   * False: discard what is shown from `messages[0].id` on (all, if there is none or its `prev` is `0-0`); there
   * is a gap before.
   */
  readonly recovered: boolean;
  /** The newest id at that moment, `0-0` if none; live frames begin after it. */
  readonly head: string;
  /** Oldest first. */
  readonly messages: readonly EntryFrame[];
  readonly more: boolean;
  readonly present: { readonly count: number; readonly users: readonly Person[] };
  /** The asker's own name in this room: a suffix is added where a look-alike is there. */
  readonly handle: string;
}

export interface AckFrame {
  readonly type: "ack";
  readonly ref: number;
  readonly room: string;
  readonly key: string;
  readonly id: string;
  /** This key was stored before; `id` is the first one's. */
  readonly duplicate?: true;
}

export interface HistoryFrame {
  readonly type: "history";
  readonly ref: number;
  readonly room: string;
  /** Oldest first. */
  readonly messages: readonly EntryFrame[];
  /** Whether the store goes on in the direction asked. */
  readonly more: boolean;
  /** Present where the store no longer continues from `after`: there is a hole, which `messages` do not fill. */
  readonly recovered?: false;
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
  /** Absent where the refused frame had none that could be read. */
  readonly ref?: number;
  readonly code: ErrorCode;
  /** A sentence for a person. */
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
}

/** Merged; at most one a second a room. Of at most `LIMITS.presenceNames` people the names are told; in a crowd only `count`. */
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

/** Sent only when nothing else was for `pingMs`: a page cannot see protocol pings. */
export interface PingFrame {
  readonly type: "ping";
}

export type ServerFrame =
  | WelcomeFrame
  | EntryFrame
  | JoinedFrame
  | AckFrame
  | HistoryFrame
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
