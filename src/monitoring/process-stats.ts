import Type, { type Static } from "typebox";
import { Compile } from "typebox/compile";
import type { Counters } from "../chat/counters.ts";

const Count = Type.Number({ minimum: 0 });
const Word = Type.String({ maxLength: 200 });
/** By code; a process of this program has a few dozen of them. */
const Counts = Type.Record(Type.String({ maxLength: 40 }), Count, { maxProperties: 100 });

/** Who a process is, for people who look for it in the platform's own tools. */
const Identity = Type.Object({
  /** Drawn at every start; the same in its log lines and its presence. */
  instance: Word,
  pid: Count,
  /** The platform's names for it, where there is a platform. */
  dyno: Type.Optional(Word),
  release: Type.Optional(Word),
  commit: Type.Optional(Word),
  version: Word,
  node: Word,
});

/** What a later release adds must be optional: during a deploy, processes of both read each other's. */
const VITALS = Type.Object({
  identity: Identity,
  /** When the process started and when this was written, ms since 1970 by its own clock. */
  startedAt: Count,
  at: Count,
  logKind: Word,
  logState: Word,
  logReason: Word,
  logWarnings: Type.Optional(Type.Array(Word, { maxItems: 10 })),
  draining: Type.Boolean(),
  overloaded: Type.Boolean(),
  sockets: Count,
  /** Absent: no limit. */
  socketLimit: Type.Optional(Count),
  /** Absent where the server is the surrounding app's. */
  tcpConnections: Type.Optional(Count),
  rooms: Count,
  /** ms; absent while the store is away. */
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
  /** The plain ones of `Counters`, by name. */
  counts: Counts,
  errors: Counts,
  limited: Type.Optional(Counts),
  closes: Counts,
  answers: Counts,
  refusedUpgrades: Counts,
  acks: Type.Object({ counts: Type.Array(Count, { maxItems: 50 }), sum: Count }),
});

/** Who a process is. */
export type ProcessIdentity = Static<typeof Identity>;

/** How one process is and what it has done since it started: numbers only, and no word that anybody said. */
export type ProcessStats = Static<typeof VITALS>;

const validator = Compile(VITALS);

/** What another process said of itself; undefined for what is no such thing, or was written by a release too different. */
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

/** Copies what was counted, as it is now. */
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
