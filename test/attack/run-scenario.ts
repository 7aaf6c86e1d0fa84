import { setTimeout as sleep } from "node:timers/promises";
import type { Cost } from "./attacker/attacker.ts";
import { AttackerProcess } from "./attacker-process.ts";
import { type CrowdPlan, HonestCrowd } from "./honest-crowd.ts";
import { Newcomers } from "./newcomers.ts";
import { startProxy } from "./proxies.ts";
import type { Figures, Scenario, Scene } from "./scenario.ts";
import { type Memory, Stage } from "./stage.ts";

const CROWD: CrowdPlan = { people: 60, rooms: 10, pauseMs: 2_000 };
const CALM_MS = 2_000;
const ATTACK_MS = 6_000;
const SETTLE_MS = 3_000;

/** Between two looks at `/readyz`, ms. */
const READY_EVERY_MS = 500;

/** An ack that is later than that is not what honest people are used to, ms. */
const SLOW_MS = 250;

export interface Outcome {
  readonly scenario: Scenario;
  readonly figures: Figures;
  readonly cost: Cost;
  readonly memory: Memory;
  /** What honest people were told, by how often. */
  readonly notes: readonly string[];
}

/** Plays one scenario against a build: calm, attack, recovery. `root`: the folder that has its `dist`. */
export async function runScenario(scenario: Scenario, root: string): Promise<Outcome> {
  const { attackMs = ATTACK_MS, settleMs = SETTLE_MS } = scenario;
  const stage = await Stage.start(scenario, root);
  const proxy = scenario.proxy === undefined ? undefined : await startProxy(scenario.proxy, stage.ports);
  const urls = proxy === undefined ? stage.servers.map(({ url }) => url) : [proxy.url];
  const wsUrls = urls.map((url) => url.replace("http:", "ws:"));
  const crowd = new HonestCrowd({ ...CROWD, ...scenario.crowd }, wsUrls);
  let attacker: AttackerProcess | undefined;
  try {
    const parameters = (await scenario.prepare?.(stage)) ?? {};
    await crowd.connect(1_000);
    attacker = await AttackerProcess.start();
    crowd.talk();
    await sleep(CALM_MS);
    stage.beginAttack();
    const newcomers = new Newcomers(wsUrls);
    const scene: Scene = { stage, crowd, urls, parameters };
    const end = new AbortController();
    const beside = scenario.beside?.(scene, end.signal);
    const readiness = watchReadiness(stage);
    const begin = performance.now();
    attacker.attack(scenario.name, proxy === undefined ? stage.ports : [proxy.port], parameters);
    await sleep(attackMs);
    const { figures, cost } = await attacker.stop();
    const atEnd = (await scenario.atEnd?.(scene)) ?? {};
    await attacker.release();
    const ended = performance.now();
    await sleep(settleMs);
    await newcomers.stop();
    const unsent = await crowd.settle();
    const unreadyMs = await readiness.stop();
    end.abort();
    const seen = (await beside) ?? {};
    const after = (await scenario.after?.(scene)) ?? {};
    const attacked = typeof parameters["attacked"] === "string" ? [parameters["attacked"]] : [];
    const memory = stage.memory();
    const { lost, doubled, reordered } = crowd.faults();
    const during = acksBetween(crowd, begin, ended);
    return {
      scenario,
      cost,
      memory,
      notes: [...notesOf(crowd, newcomers), ...warningsOf(stage)],
      figures: {
        lost,
        doubled,
        disordered: reordered,
        "told missing": crowd.toldMissing(attacked),
        unsent,
        "history kept %": await crowd.historyKept(stage.admin, attacked),
        acks: during.length,
        "acks p50 ms": quantile(during, 0.5),
        "acks p95 ms": quantile(during, 0.95),
        "acks p99 ms": quantile(during, 0.99),
        "calm p95 ms": quantile(acksBetween(crowd, 0, begin), 0.95),
        "honest requests refused": sum(crowd, ({ refusals }) => refusals.length),
        "honest connections ended": sum(crowd, ({ ends }) => ends.length),
        "live:false told": sum(crowd, ({ notLive }) => notLive),
        "new clients refused": newcomers.refused,
        "new clients p95 ms": quantile(newcomers.tookMs, 0.95),
        "not ready s": Math.round(unreadyMs / 100) / 10,
        "recovery s": recoverySeconds(crowd, ended, unsent),
        "processes that ended": stage.ended,
        "memory peak MB": memory.peakMb,
        "memory after MB": memory.nowMb,
        ...figures,
        ...seen,
        ...atEnd,
        ...after,
      },
    };
  } finally {
    crowd.leave();
    await attacker?.release();
    await proxy?.stop();
    await stage.stop();
  }
}

/** Asks `/readyz` of all processes again and again; `stop` returns for how long one or more were not ready, ms. */
function watchReadiness(stage: Stage): { stop(): Promise<number> } {
  const abort = new AbortController();
  let unreadyMs = 0;
  const watching = (async () => {
    for (let last = performance.now(); !abort.signal.aborted; ) {
      const ready = await stage.ready();
      const now = performance.now();
      if (ready < stage.servers.length) unreadyMs += now - last;
      last = now;
      await sleep(READY_EVERY_MS, undefined, { signal: abort.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      abort.abort();
      await watching;
      return unreadyMs;
    },
  };
}

/** From the end of the attack to the last thing that an honest person could notice, s. */
function recoverySeconds(crowd: HonestCrowd, end: number, unsent: number): number {
  if (unsent > 0 || !crowd.isServed) return Number.POSITIVE_INFINITY;
  const noticed = crowd.clients.flatMap(({ acks, refusals, ends }) => [
    ...acks.filter(({ saidAt, ackedAt }) => ackedAt - saidAt > SLOW_MS).map(({ ackedAt }) => ackedAt),
    ...refusals.map(({ at }) => at),
    ...ends.map(({ at }) => at),
  ]);
  return Math.round(Math.max(0, ...noticed.map((at) => at - end)) / 100) / 10;
}

function acksBetween(crowd: HonestCrowd, begin: number, end: number): number[] {
  return crowd.clients.flatMap(({ acks }) =>
    acks
      .filter(({ saidAt }) => saidAt >= begin && saidAt < end)
      .map(({ saidAt, ackedAt }) => ackedAt - saidAt),
  );
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

function sum(crowd: HonestCrowd, count: (client: HonestCrowd["clients"][number]) => number): number {
  return crowd.clients.reduce((total, client) => total + count(client), 0);
}

function notesOf(crowd: HonestCrowd, newcomers: Newcomers): string[] {
  const told = new Map<string, number>();
  for (const { refusals, ends } of crowd.clients) {
    for (const { what } of [...refusals, ...ends]) told.set(what, (told.get(what) ?? 0) + 1);
  }
  return [
    ...[...told].map(([what, count]) => `honest people were told "${what}" ${count} times`),
    ...[...newcomers.reasons].map(([what, count]) => `new clients were told "${what}" ${count} times`),
  ];
}

/** Pino's number of a warning. */
const WARNING = 40;

/** What the processes warned of since the attack began, by event. */
function warningsOf(stage: Stage): string[] {
  const counts = new Map<string, number>();
  for (const { level, event, time } of stage.logs()) {
    if (Number(level) < WARNING || Number(time) < stage.attackedAt) continue;
    counts.set(String(event), (counts.get(String(event)) ?? 0) + 1);
  }
  return [...counts].map(([event, count]) => `the store warned ${count} times of "${event}"`);
}
