import { ACK_BUCKETS } from "../../chat/latencies.ts";
import type { ProcessStats } from "../../monitoring/process-stats.ts";
import { counter, counterBy, gauge, type Metric, type Sample } from "./metric.ts";

const ACKS = "dynochat_ack_seconds";

/** All metrics, in the order of docs/metrics.md. */
export const METRICS: readonly Metric[] = [
  gauge("dynochat_sockets", "Open sockets and event streams", ({ sockets }) => sockets),
  gauge(
    "dynochat_sockets_limit",
    "Sockets and event streams that may be open: as `MAX_CONNECTIONS` says, or fewer where file descriptors are few; absent = no limit",
    ({ socketLimit }) => socketLimit,
  ),
  gauge(
    "dynochat_tcp_connections",
    "Open TCP connections of clients, also those of HTTP and those that send nothing; absent in an app of your own",
    ({ tcpConnections }) => tcpConnections,
  ),
  gauge(
    "dynochat_rooms",
    "Rooms that connections of this process are in, or have just left",
    ({ rooms }) => rooms,
  ),
  counter("dynochat_messages_total", "messages", "Messages stored; repeated keys are not counted again"),
  counter("dynochat_duplicate_messages_total", "duplicates", "Messages whose key was stored before"),
  counter(
    "dynochat_deliveries_total",
    "deliveries",
    "Messages handed to sockets: one message in a room with a hundred members is a hundred",
  ),
  counter("dynochat_delivered_bytes_total", "deliveredBytes", "Bytes of these on the wire"),
  counter("dynochat_batches_total", "batches", "Times a room wrote what was due to its members"),
  counter(
    "dynochat_dropped_hints_total",
    "droppedHints",
    "Presence and typing frames kept from readers that are too slow",
  ),
  {
    name: ACKS,
    type: "histogram",
    help: "Seconds from a message's arrival until it was stored",
    labels: [],
    samples: ackSamples,
  },
  counterBy(
    "code",
    "dynochat_errors_total",
    "Requests refused on sockets, by error code",
    ({ errors }) => errors,
  ),
  counterBy(
    "limit",
    "dynochat_limited_total",
    "Refused by a limit, or ended by it; which limits there are stands below",
    ({ limited = {} }) => limited,
  ),
  counterBy(
    "status",
    "dynochat_api_answers_total",
    "Requests below `/api` answered, by HTTP status",
    ({ answers }) => answers,
  ),
  counter("dynochat_sockets_opened_total", "opened", "Sockets and event streams opened"),
  counterBy(
    "code",
    "dynochat_sockets_closed_total",
    "Sockets and event streams closed, by close code; 0 = one that only a peer made up",
    ({ closes }) => closes,
  ),
  counterBy(
    "status",
    "dynochat_upgrades_refused_total",
    "Sockets that were not opened, by HTTP status",
    ({ refusedUpgrades }) => refusedUpgrades,
  ),
  gauge("dynochat_log_up", "Whether messages can be stored and shown: 1 or 0", ({ logState }) =>
    Number(logState === "live"),
  ),
  counter(
    "dynochat_log_losses_total",
    "logLosses",
    "Times the store was lost, failed attempts to reach it included",
  ),
  counter("dynochat_log_reconnects_total", "logReturns", "Times the store was live again"),
  gauge(
    "dynochat_round_trip_age_seconds",
    "Seconds since it was last shown that what goes to the store comes back; absent while the store is away",
    ({ roundTripAgeMs }) => (roundTripAgeMs === undefined ? undefined : roundTripAgeMs / 1000),
  ),
  counter(
    "dynochat_catch_ups_total",
    "catchUps",
    "Times a room read the store because something may have been missing",
  ),
  counter("dynochat_holes_total", "holes", "Catch-ups that found something missing"),
  counter("dynochat_recovered_messages_total", "recovered", "Messages that catch-ups brought"),
  counter(
    "dynochat_room_resets_total",
    "resets",
    "Rooms that began again because the store did not continue",
  ),
  gauge("dynochat_draining", "Whether the process moves its people away: 1 or 0", ({ draining }) =>
    Number(draining),
  ),
  counter("dynochat_drains_total", "drains", "Drains begun"),
  counter(
    "dynochat_dropped_log_lines_total",
    "droppedLines",
    "Log lines dropped because they were not read in time",
  ),
  gauge("dynochat_overloaded", "Whether new sockets are refused for overload: 1 or 0", ({ overloaded }) =>
    Number(overloaded),
  ),
  gauge(
    "dynochat_event_loop_delay_seconds",
    "By how much the event loop was late in the last second, on average",
    ({ load }) => load.loopDelayMs / 1000,
  ),
  gauge(
    "dynochat_event_loop_delay_p99_seconds",
    "The same for the worst hundredth",
    ({ load }) => load.loopDelayP99Ms / 1000,
  ),
  gauge(
    "dynochat_event_loop_utilization",
    "Share of the last second in which the event loop was busy, 0 to 1",
    ({ load }) => load.loopUtilization,
  ),
  {
    name: "dynochat_cpu_seconds_total",
    type: "counter",
    help: "Processor time used",
    labels: [],
    samples: ({ cpuSeconds }) => [{ value: cpuSeconds, labels: {} }],
  },
  gauge("dynochat_heap_used_bytes", "JavaScript heap in use", ({ load }) => load.heapUsed),
  gauge("dynochat_heap_limit_bytes", "What the heap may grow to", ({ load }) => load.heapLimit),
  gauge("dynochat_resident_memory_bytes", "All memory of the process", ({ load }) => load.resident),
  gauge(
    "dynochat_start_time_seconds",
    "When the process started, since 1970",
    ({ startedAt }) => startedAt / 1000,
  ),
  gauge(
    "dynochat_reported_time_seconds",
    "When the process gave these numbers, since 1970; others than the one asked report every 5 s",
    ({ at }) => at / 1000,
  ),
  {
    name: "dynochat_process_info",
    type: "gauge",
    help: "Always 1: which release a process runs",
    labels: ["version", "release", "commit", "node"],
    samples: infoSamples,
  },
];

function ackSamples({ acks }: ProcessStats): readonly Sample[] {
  let count = 0;
  const buckets = acks.counts.map((here, bucket): Sample => {
    count += here;
    const end = ACK_BUCKETS[bucket];
    return {
      metricName: `${ACKS}_bucket`,
      value: count,
      labels: { le: end === undefined ? "+Inf" : String(end) },
    };
  });
  return [
    ...buckets,
    { metricName: `${ACKS}_sum`, value: acks.sum, labels: {} },
    { metricName: `${ACKS}_count`, value: count, labels: {} },
  ];
}

function infoSamples({ identity }: ProcessStats): readonly Sample[] {
  const { version, release = "", commit = "", node } = identity;
  return [{ value: 1, labels: { version, release, commit, node } }];
}
