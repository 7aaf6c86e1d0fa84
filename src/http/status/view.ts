import { ACK_BUCKETS } from "../../chat/latencies.ts";
import type { ProcessStats } from "../../monitoring/process-stats.ts";
import type { ProcessView, StatusView } from "./status-view.ts";

/** Returns the operator's view of all processes, in an order in which a process keeps its place. */
export function statusView(fleet: readonly ProcessStats[]): StatusView {
  const processes = fleet.map(processView).sort((one, other) => {
    return one.startedAt - other.startedAt || one.instance.localeCompare(other.instance);
  });
  return { now: Date.now(), logKind: fleet[0]?.logKind ?? "", ackBuckets: ACK_BUCKETS, processes };
}

function processView(vitals: ProcessStats): ProcessView {
  const { identity, startedAt, at, counts, load, acks, logReason, sockets, rooms } = vitals;
  const { instance, dyno = "", release = "", version, node } = identity;
  const { loopDelayP99Ms, resident, heapUsed, heapLimit } = load;
  return {
    ...{ instance, dyno, release, version, node },
    ...{ startedAt, at, logReason, sockets, rooms },
    logWarnings: vitals.logWarnings ?? [],
    state: stateOf(vitals),
    roundTripAgeMs: vitals.roundTripAgeMs ?? null,
    messages: counts["messages"] ?? 0,
    deliveries: counts["deliveries"] ?? 0,
    refusals: Object.values(vitals.errors).reduce((sum, count) => sum + count, 0),
    acks: acks.counts,
    ...{ loopDelayP99Ms, resident, heapUsed, heapLimit },
  };
}

function stateOf({ draining, logState, overloaded }: ProcessStats): ProcessView["state"] {
  if (draining) return "draining";
  if (logState !== "live") return "log away";
  return overloaded ? "overloaded" : "serving";
}
