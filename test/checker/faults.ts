/** Everything that is done to the parts of a chat while people talk. */
export const FAULT_KINDS = [
  /** SIGKILL, and a new process in its place. */
  "process-killed",
  /** SIGTERM as on a deploy: the new process starts while the old one moves its people away. */
  "process-ended",
  /** SIGSTOP, SIGCONT; sometimes the router gives its clients up meanwhile. */
  "process-frozen",
  /** One, or all at once. */
  "client-cut",
  /** Nothing passes and neither side is told; cut later. */
  "client-stalled",
  /** What the client sends arrives later by some hundred ms, for a while. */
  "client-delayed",
  /** Cut right after a send arrived: its answer is lost. */
  "ack-lost",
  /** A send arrives when its sender was cut and is elsewhere already. */
  "send-late",
  "redis-frozen",
  /** SIGKILL and a restart from an append-only file that is synced before every answer: no data is lost. */
  "redis-killed",
  "subscribers-killed",
  "writers-killed",
  /** Both connections of one process to Redis end. */
  "redis-link-cut",
  /** Nothing passes between one process and Redis, for a while. */
  "redis-link-stalled",
  "scripts-flushed",
  /** Bytes on a room's channel that no process stored. */
  "payload-forged",
  /** An old entry of a room is published once more. */
  "payload-doubled",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** How often each comes up beside the others; an absent one never. */
export type FaultWeights = Readonly<Partial<Record<FaultKind, number>>>;

export const ALL_FAULTS: FaultWeights = {
  "process-killed": 2,
  "process-ended": 2,
  "process-frozen": 2.5,
  "client-cut": 3,
  "client-stalled": 2,
  "client-delayed": 2,
  "ack-lost": 3,
  "send-late": 3,
  "redis-frozen": 1.5,
  "redis-killed": 1.5,
  "subscribers-killed": 3,
  "writers-killed": 2,
  "redis-link-cut": 1.5,
  "redis-link-stalled": 1.5,
  "scripts-flushed": 1,
  "payload-forged": 2,
  "payload-doubled": 2,
};

/** One fault as it was planned. */
export interface Fault {
  readonly kind: FaultKind;
  /** Whom of the processes, chatters or rooms it meets, each counted from 0. */
  readonly process: number;
  readonly chatter: number;
  readonly room: string;
  /** All of a sort at once, where there is a choice; else one. */
  readonly all: boolean;
  /** For those that last. */
  readonly lastsMs: number;
  /** A number below 1 for what is decided on the spot. */
  readonly chance: number;
}

/** How long a fault may last, ms; the others are over at once. */
export const LASTS_MS: Readonly<Partial<Record<FaultKind, readonly [least: number, most: number]>>> = {
  "process-frozen": [1_000, 3_000],
  "client-stalled": [300, 1_500],
  "client-delayed": [400, 1_200],
  "redis-frozen": [1_000, 3_000],
  "redis-killed": [0, 400],
  "redis-link-stalled": [500, 3_000],
};

/** Kinds of which one may be going on at a time, because they need the same thing. */
export function stageOf(kind: FaultKind, process: number): string | undefined {
  if (kind === "redis-frozen" || kind === "redis-killed") return "redis";
  if (kind.startsWith("process-") || kind === "redis-link-stalled") return `process ${process}`;
  return undefined;
}
