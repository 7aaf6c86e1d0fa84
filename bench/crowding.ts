import { setTimeout as sleep } from "node:timers/promises";
import { gather } from "./crowds.ts";
import type { Connected } from "./generator/calls.ts";
import type { HerdLoad, IdleLoad } from "./loads.ts";
import type { Herd, Idle } from "./measurements.ts";
import { monotonicMicros } from "./monotonic.ts";
import { cpuSecondsOf, residentBytesOf } from "./process-usage.ts";
import type { RunningSystem } from "./running-system.ts";

/** Milliseconds for what the servers do after all clients have joined (presence, garbage collection). */
const CALM_MS = 3_000;
/** Messages that a returning client has missed. */
const MISSED = 20;
/** All at once, as far as a kernel's queue of new connections (511 in Node) lets them. */
const HERD_PARALLEL = 250;

export async function measureIdle(running: RunningSystem, { sockets }: IdleLoad): Promise<Idle> {
  await warmUp(running);
  const memory = residentBytesOf(running.pids);
  const first = await come(running, sockets);
  await sleep(CALM_MS);
  const kbPerSocket = (residentBytesOf(running.pids) - memory) / 1e3 / sockets;
  await go(running);
  const again = await come(running, sockets);
  return {
    kind: "idle",
    kbPerSocket,
    connectsPerSecond: (sockets * 1_000) / first.ms,
    cpuMicrosPerConnect: first.cpuMicros,
    connectsPerSecondAgain: (sockets * 1_000) / again.ms,
    cpuMicrosPerConnectAgain: again.cpuMicros,
  };
}

export async function measureHerd(running: RunningSystem, { sockets }: HerdLoad): Promise<Herd> {
  await gather(running, sockets);
  const after = await speak(running, MISSED + 1);
  await go(running);
  const reads = await logReads(running);
  const parallel = HERD_PARALLEL / running.generators.length;
  const { ms, recovered, cpuMicros } = await come(running, sockets, { after, parallel });
  return {
    kind: "herd",
    backMs: ms,
    cpuMicrosPerConnect: cpuMicros,
    recoveredEach: recovered / sockets,
    logReads: (await logReads(running)) - reads,
  };
}

/**
 * Some connects first: code that runs for the first time, and a heap that grows for the first time, cost
 * more.
 */
export async function warmUp(running: RunningSystem): Promise<void> {
  await gather(running, 200);
  await go(running);
}

/** Connects so many clients. `cpuMicros`: CPU of the servers, µs per connect. */
export async function come(
  running: RunningSystem,
  sockets: number,
  options: Parameters<typeof gather>[2] = {},
): Promise<Omit<Connected, "failed"> & { readonly cpuMicros: number }> {
  const before = cpuSecondsOf(running.pids);
  const connected = await gather(running, sockets, options);
  return { ...connected, cpuMicros: ((cpuSecondsOf(running.pids) - before) * 1e6) / sockets };
}

/** Cuts all connections. */
async function go({ generators }: RunningSystem): Promise<void> {
  await Promise.all(generators.map((generator) => generator.cut()));
  await sleep(CALM_MS);
}

/** Lets one client send that many messages; returns the first one's id, if the system gives ids. */
async function speak({ generators }: RunningSystem, messages: number): Promise<string | undefined> {
  const startAt = monotonicMicros();
  const [speaker] = generators;
  await speaker?.send({
    stretches: [{ rate: messages * 2, ms: 500 }],
    startAt,
    measureFrom: startAt,
    textBytes: 100,
    senders: 1,
    firstSender: 0,
    stalled: 0,
  });
  const seen = await Promise.all(
    generators.map((generator) => generator.settle({ messages, timeoutMs: 5_000 })),
  );
  return seen[0]?.newestIds.at(-messages);
}

async function logReads(running: RunningSystem): Promise<number> {
  const counts = await Promise.all(["xrange", "xrevrange"].map((name) => running.redisCalls(name)));
  return counts.reduce((total, count) => total + count, 0);
}
