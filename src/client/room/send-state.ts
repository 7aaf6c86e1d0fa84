/**
 * The state of a message that the user sends:
 * - `queued`: waits for earlier messages, the connection or the server;
 * - `sending`: sent on the connection, not yet answered;
 * - `sent`: the store has it; its broadcast copy may still arrive;
 * - `failed`: was refused, or whether it arrived is unknown; the user decides.
 */
export type SendState = "queued" | "sending" | "sent" | "failed";

export type SendEvent =
  /** It is the next one to be sent. */
  | "attempt"
  /**
   * The server's `ack`; or its broadcast copy, live or replayed, which proves the same and may come earlier.
   */
  | "stored"
  /**
   * Not stored for now: too fast, or the store is unreachable or full; or the connection was lost before the
   * answer.
   */
  | "postpone"
  /** Refused for good. */
  | "refuse"
  /** It was attempted, and whether it arrived can no longer be found out. */
  | "doubt"
  /** The user wants it sent again. */
  | "retry"
  /** The user discards it. */
  | "discard";

/** Transitions; after `gone` the message is no longer in the queue. */
const SEND_TABLE: Readonly<Record<SendState, Readonly<Partial<Record<SendEvent, SendState | "gone">>>>> = {
  queued: {
    attempt: "sending",
    stored: "sent",
    refuse: "failed",
    doubt: "failed",
    discard: "gone",
  },
  sending: { stored: "sent", postpone: "queued", refuse: "failed" },
  // The store has lost it again, because a replica that lagged took over; the user is told.
  sent: { stored: "sent", doubt: "failed" },
  failed: { stored: "sent", retry: "queued", discard: "gone" },
};

/** Returns the state after an event; undefined if the event means nothing in that state. */
export function nextSendState(state: SendState, event: SendEvent): SendState | "gone" | undefined {
  return SEND_TABLE[state][event];
}
