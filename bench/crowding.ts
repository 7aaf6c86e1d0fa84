import { setTimeout as sleep } from "node:timers/promises";
import { gather } from "./crowds.ts";
import type { HerdLoad, IdleLoad } from "./loads.ts";
import type { Herd, Idle } from "./measurements.ts";
import { monotonicMicros } from "./monotonic.ts";
import { cpuSecondsOf, residentBytesOf } from "./process-usage.ts";
import type { RunningSystem } from "./running-system.ts";

/** For what the servers do once everybody is there (presence, garbage collection), ms. */
const CALM_MS = 3_000;
/** What a returning client has missed. */
const MISSED = 20;
/** All at once, as far as a kernel's queue of new connections (511 in Node) lets them. */
const HERD_PARALLEL = 250;

export async function measureIdle(running: RunningSystem, { sockets }: IdleLoad): Promise<Idle> {
  await warmUp(running);
  const memory = residentBytesOf(running.pids);
  const cpu = cpuSecondsOf(running.pids);
  const { ms } = await gather(running, sockets);
  const cpuMicrosPerConnect = ((cpuSecondsOf(running.pids) - cpu) * 1e6) / sockets;
  await sleep(CALM_MS);
  return {
    kind: "idle",
    kbPerSocket: (residentBytesOf(running.pids) - memory) / 1e3 / sockets,
    connectsPerSecond: (sockets * 1_000) / ms,
    cpuMicrosPerConnect,
  };
}

export async function measureHerd(running: RunningSystem, { sockets }: HerdLoad): Promise<Herd> {
  await gather(running, sockets);
  const after = await speak(running, MISSED + 1);
  await Promise.all(running.generators.map((generator) => generator.cut()));
  await sleep(CALM_MS);
  const reads = await logReads(running);
  const cpu = cpuSecondsOf(running.pids);
  const { ms, recovered } = await gather(running, sockets, {
    after,
    parallel: HERD_PARALLEL / running.generators.length,
  });
  return {
    kind: "herd",
    backMs: ms,
    cpuMicrosPerConnect: ((cpuSecondsOf(running.pids) - cpu) * 1e6) / sockets,
    recoveredEach: recovered / sockets,
    logReads: (await logReads(running)) - reads,
  };
}

/** Some connects first: code that runs for the first time, and a heap that grows for the first time, cost more. */
async function warmUp(running: RunningSystem): Promise<void> {
  await gather(running, 200);
  await Promise.all(running.generators.map((generator) => generator.cut()));
  await sleep(CALM_MS);
}

/** One client says that many messages; the first one's id, where the system gives ids. */
async function speak({ generators }: RunningSystem, messages: number): Promise<string | undefined> {
  const startAt = monotonicMicros();
  const [speaker] = generators;
  await speaker?.send({
    rate: messages * 2,
    durationMs: 500,
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
