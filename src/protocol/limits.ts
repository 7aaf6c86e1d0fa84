/** Sizes and times that are part of the protocol and therefore no settings. */
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
  /** Milliseconds after which a typing event expires at its receiver. */
  typingMs: 6_000,
  /** Milliseconds for which a (room, user, key) is remembered. */
  keyMs: 600_000,
  /** Bytes waiting for a reader above which ephemeral events are dropped and answers wait. */
  hintWaterline: 64 * 1024,
  /** Bytes waiting for a reader above which it is closed with `tooSlow`. */
  closeWaterline: 1024 * 1024,
  /**
   * Most users of a room whom clients are told by name. Networks share the names; if there are more networks
   * than names, presence is only a count.
   */
  presenceNames: 200,
  /** Bad frames within `badFrameWindowMs` that end a connection. */
  badFrames: 20,
  badFrameWindowMs: 10_000,
  /** `rate-limited` errors within `refusalWindowMs` that end a connection. */
  refusals: 200,
  refusalWindowMs: 10_000,
  /** Characters of a handle as a reader counts them: grapheme clusters (UAX #29). */
  handleLength: 32,
} as const;
