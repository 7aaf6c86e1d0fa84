/** The time limits and intervals of the Redis store, in milliseconds. Tests shorten some of them. */
export interface Timeouts {
  /** For the reply to one command. Less than `LIMITS.unavailableMs`, within which a request is answered. */
  readonly commandMs: number;
  /** For both connections to open and authenticate. */
  readonly connectMs: number;
  /** For all rooms together to read what they missed. */
  readonly catchUpMs: number;
  /**
   * After the call, by Redis's clock, after which an append is no longer stored. At most
   * `LIMITS.unavailableMs`.
   */
  readonly storeWithinMs: number;
  /** For an append's answer, the wait for replicas included. Less than `LIMITS.unavailableMs`. */
  readonly ackMs: number;
  /** For which one WAIT blocks at most. */
  readonly waitMs: number;
  /** For replicas that were up to date at the last WAIT: the pending WAIT, then one more. */
  readonly inStepMs: number;
  /** For replicas that were behind at the last WAIT. */
  readonly behindMs: number;
  /** Between two round trips that probe both connections. */
  readonly probeEveryMs: number;
  /** For one such round trip. */
  readonly probeMs: number;
  /** For which a process counts as running after it last extended its lease. */
  readonly leaseMs: number;
  readonly leaseRefreshMs: number;
  /** After which a room's users are forgotten if no process syncs its presence. */
  readonly whoMs: number;
  /** After which a process's report expires. */
  readonly reportMs: number;
  /** Between two checks of the server's configuration. */
  readonly serverCheckMs: number;
  /**
   * Until a new room is written to the list of rooms. Together with `LIST_MS` of the chat less than a second.
   */
  readonly noteRoomsMs: number;
  /** Between two readings of the server's use of memory. */
  readonly memoryMs: number;
  /** Between two rounds of history trimming. */
  readonly trimMs: number;
  /** After the last round after which another process may trim histories. More than `trimMs`. */
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
  // Less than the time limit of a command: a message that was reported as unavailable is not stored
  // afterwards.
  storeWithinMs: 1_400,
  ackMs: 1_800,
  waitMs: 500,
  inStepMs: 1_100,
  behindMs: 100,
  probeEveryMs: 4_000,
  probeMs: 2_000,
  // With a presence sync every 14 s and a second of merging, the users of a killed process are removed within
  // 60 s.
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
