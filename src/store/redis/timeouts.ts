/** How long the Redis store waits for what; all in milliseconds. Tests shorten some of them. */
export interface Timeouts {
  /** For the reply to one command. Less than `LIMITS.unavailableMs`, within which a request is answered. */
  readonly commandMs: number;
  /** For both connections to be made and their handshakes answered. */
  readonly connectMs: number;
  /** For all rooms together to read what they missed. */
  readonly catchUpMs: number;
  /** After the call, by Redis's clock, an append is no longer stored. At most `LIMITS.unavailableMs`. */
  readonly storeWithinMs: number;
  /** For an append's answer, the wait for replicas included. Less than `LIMITS.unavailableMs`. */
  readonly ackMs: number;
  /** What one WAIT blocks at most. */
  readonly waitMs: number;
  /** For replicas that were in step when last asked: the WAIT under way, then one more. */
  readonly inStepMs: number;
  /** For replicas that were behind when last asked. */
  readonly behindMs: number;
  /** Between two round trips that prove both connections alive. */
  readonly probeEveryMs: number;
  /** For one such round trip. */
  readonly probeMs: number;
  /** How long a process counts as alive after it last said so. */
  readonly leaseMs: number;
  readonly leaseRefreshMs: number;
  /** After which a room's people are forgotten if no process calls the roll. */
  readonly whoMs: number;
  /** After which what a process said of itself no longer holds. */
  readonly reportMs: number;
  /** Between two looks at how the server is set up. */
  readonly serverCheckMs: number;
  /** Until a room that is new to the list of rooms is written there. With `LIST_MS` of the chat less than a second. */
  readonly noteRoomsMs: number;
  /** Between two readings of how much memory the server uses. */
  readonly memoryMs: number;
  /** Between two rounds of housekeeping. */
  readonly trimMs: number;
  /** After its last round, the process that trims histories may be another one. More than `trimMs`. */
  readonly trimmerLeaseMs: number;
  /** Between two rounds while Redis is full and refuses messages. */
  readonly fullPauseMs: number;
  /** Before the first new attempt to connect, and at most between two. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** For giving up the lease when closing. */
  readonly closeMs: number;
}

export const TIMEOUTS: Timeouts = {
  commandMs: 1_500,
  connectMs: 5_000,
  catchUpMs: 20_000,
  // Less than the time a command is waited for: whoever was refused for silence is not stored afterwards.
  storeWithinMs: 1_400,
  ackMs: 1_800,
  waitMs: 500,
  inStepMs: 1_100,
  behindMs: 100,
  probeEveryMs: 4_000,
  probeMs: 2_000,
  // With a roll call every 14 s and a second of merging, who was killed is gone within 60 s.
  leaseMs: 40_000,
  leaseRefreshMs: 15_000,
  whoMs: 600_000,
  reportMs: 20_000,
  serverCheckMs: 15_000,
  noteRoomsMs: 200,
  memoryMs: 1_000,
  trimMs: 10_000,
  trimmerLeaseMs: 15_000,
  fullPauseMs: 500,
  backoffMinMs: 50,
  backoffMaxMs: 2_000,
  closeMs: 500,
};
