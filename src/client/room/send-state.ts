/**
 * What becomes of a message that somebody sends:
 * - `queued`: waits for its turn, the connection or the server;
 * - `sending`: given to the connection, not yet answered;
 * - `sent`: the log has it; its own copy may still be on the way;
 * - `failed`: was refused, or nobody knows whether it arrived; a person decides.
 */
export type SendState = "queued" | "sending" | "sent" | "failed";

export type SendEvent =
  /** Its turn came. */
  | "attempt"
  /** The server's `ack`; or its own copy, live or from the log, which is as good and sometimes earlier. */
  | "stored"
  /** Not stored for now: too fast, or the log is away or full; or the connection was lost before the answer came. */
  | "postpone"
  /** Refused for good. */
  | "refuse"
  /** It was attempted, and whether it arrived cannot be found out any more. */
  | "doubt"
  /** A person wants it sent again. */
  | "retry"
  /** A person gives it up. */
  | "discard";

/** After `gone` the message is not in the queue any more. */
const SEND_TABLE: Readonly<Record<SendState, Readonly<Partial<Record<SendEvent, SendState | "gone">>>>> = {
  queued: {
    attempt: "sending",
    stored: "sent",
    refuse: "failed",
    doubt: "failed",
    discard: "gone",
  },
  sending: { stored: "sent", postpone: "queued", refuse: "failed" },
  // The log lost it again (a replica that lagged took over): better said than hidden.
  sent: { stored: "sent", doubt: "failed" },
  failed: { stored: "sent", retry: "queued", discard: "gone" },
};

/** The state after an event; undefined where the event means nothing in that state. */
export function nextSendState(state: SendState, event: SendEvent): SendState | "gone" | undefined {
  return SEND_TABLE[state][event];
}
