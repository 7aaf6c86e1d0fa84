import Type, { type Static } from "typebox";
import { Compile } from "typebox/compile";
import type { Counters } from "../chat/counters.ts";

const Count = Type.Number({ minimum: 0 });
const Word = Type.String({ maxLength: 200 });
/** Counts by code; there are a few dozen codes. */
const Counts = Type.Record(Type.String({ maxLength: 40 }), Count, { maxProperties: 100 });

/** The identity of a process, for operators who look for it in the platform's own tools. */
const Identity = Type.Object({
  /** Random id, new at every start; also in its log lines and its presence. */
  instance: Word,
  pid: Count,
  /** The platform's names of the process, if there is a platform. */
  dyno: Type.Optional(Word),
  release: Type.Optional(Word),
  commit: Type.Optional(Word),
  version: Word,
  node: Word,
});

/**
 * Fields that a later release adds must be optional: during a deploy, processes of both releases read each
 * other's stats.
 */
const STATS = Type.Object({
  identity: Identity,
  /** When the process started and when this was written, in ms since 1970 by its own clock. */
  startedAt: Count,
  at: Count,
  logKind: Word,
  logState: Word,
  logReason: Word,
  logWarnings: Type.Optional(Type.Array(Word, { maxItems: 10 })),
  draining: Type.Boolean(),
  overloaded: Type.Boolean(),
  sockets: Count,
  /** Absent if there is no limit. */
  socketLimit: Type.Optional(Count),
  /** Absent if the surrounding app owns the server. */
  tcpConnections: Type.Optional(Count),
  rooms: Count,
  /** Milliseconds since the last proven round trip to the store; absent while the store is unreachable. */
  roundTripAgeMs: Type.Optional(Count),
  cpuSeconds: Count,
  load: Type.Object({
    loopDelayMs: Count,
    loopDelayP99Ms: Count,
    loopUtilization: Count,
    heapUsed: Count,
    heapLimit: Count,
    resident: Count,
    inUse: Type.Optional(Count),
  }),
  /** The members of `Counters` that are single numbers, by name. */
  counts: Counts,
  errors: Counts,
  limited: Type.Optional(Counts),
  closes: Counts,
  answers: Counts,
  refusedUpgrades: Counts,
  acks: Type.Object({ counts: Type.Array(Count, { maxItems: 50 }), sum: Count }),
});

/** The identity of a process. */
export type ProcessIdentity = Static<typeof Identity>;

/**
 * The state of a process and what it has done since it started: numbers only, and nothing that users wrote.
 */
export type ProcessStats = Static<typeof STATS>;

const validator = Compile(STATS);

/**
 * Parses the stats that another process reported; undefined if they are invalid, or of a release that is too
 * different.
 */
export function readProcessStats(text: string): ProcessStats | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return validator.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The members of `Counters` that are single numbers. */
export type CountName = {
  [Name in keyof Counters]: Counters[Name] extends number ? Name : never;
}[keyof Counters];

/** Returns a copy of the present counts. */
export function countsOf(
  counters: Counters,
): Pick<ProcessStats, "counts" | "errors" | "limited" | "closes" | "answers" | "refusedUpgrades" | "acks"> {
  const single = Object.entries(counters).filter((entry): entry is [string, number] => {
    return typeof entry[1] === "number";
  });
  return {
    counts: Object.fromEntries(single),
    errors: Object.fromEntries(counters.errors),
    limited: Object.fromEntries(counters.limited),
    closes: Object.fromEntries(counters.closes),
    answers: Object.fromEntries(counters.answers),
    refusedUpgrades: Object.fromEntries(counters.refusedUpgrades),
    acks: { counts: [...counters.acks.counts], sum: counters.acks.sum },
  };
}
