import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Findings } from "../checker/findings.ts";
import { LogDigest } from "../checker/log-digest.ts";
import { readLog } from "../checker/stored-log.ts";
import { judge, type Logs } from "../checker/verdict.ts";
import { seededRandom } from "../kit/fakes/seeded-random.ts";
import { App } from "../kit/platform/app.ts";
import type { DynoTimes } from "../kit/platform/dyno.ts";
import { RedisAddon } from "../kit/platform/redis-addon.ts";
import type { RouterCode } from "../kit/platform/router-codes.ts";
import type { Slug } from "../kit/platform/slug.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { ACTS, type Act, type Stage } from "./acts.ts";
import { Crowd } from "./crowd.ts";
import { type Measure, measure } from "./measures.ts";
import type { Participant } from "./participant.ts";
import { countFaults, type Faults } from "./tally.ts";

export interface RehearsalPlan {
  readonly slug: Slug;
  readonly clients: number;
  readonly rooms: number;
  /** Between two things one person says, on average, ms. */
  readonly pauseMs: number;
  /** Over how long the clients connect at first, ms. */
  readonly arrivalMs: number;
  /** Between two acts, ms. */
  readonly restMs: number;
  readonly maintenanceMs: number;
  readonly seed: number;
  /** Config vars beside those that the platform sets. */
  readonly config: Readonly<Record<string, string>>;
  readonly dynoTimes?: Partial<DynoTimes>;
  readonly acts?: readonly Act[];
  readonly say: (line: string) => void;
}

export interface Rehearsal {
  readonly messages: number;
  /** Each message, to each who was there. */
  readonly deliveries: number;
  readonly faults: Faults;
  readonly findings: Findings;
  readonly measures: readonly Measure[];
  readonly routerErrors: ReadonlyMap<RouterCode, number>;
  readonly lastedMs: number;
}

/** Dynos at the beginning, as app.json asks for. */
const DYNOS = 3;

/** What the store keeps is more than is said, so that all of it can be held against what was shown. */
const KEEP_ALL = { HISTORY_MESSAGES: "100000", HISTORY_BYTES: String(64 * 1024 * 1024) };

/** For everybody to have service after an act, and for everything to come right at the end, ms. */
const PATIENCE_MS = 60_000;

/** Plays all acts before people who talk, and holds what they saw against what was stored. */
export async function rehearse(plan: RehearsalPlan): Promise<Rehearsal> {
  const { say } = plan;
  const findings = new Findings();
  const digest = new LogDigest();
  const begin = performance.now();
  const redis = await RedisAddon.provision();
  const app = await App.create({
    say,
    random: seededRandom(plan.seed),
    follow: ({ server }) => digest.follow(server),
    ...(plan.dynoTimes === undefined ? {} : { dynoTimes: plan.dynoTimes }),
  });
  const { clients, rooms, pauseMs, seed } = plan;
  const crowd = new Crowd({ wsUrl: app.router.wsUrl, clients, rooms, pauseMs, seed, findings });
  try {
    await app.setConfig({ REDIS_URL: redis.url, REDIS_TLS_VERIFY: "false", ...KEEP_ALL, ...plan.config });
    await app.scale(DYNOS);
    await app.deploy(plan.slug);
    crowd.connect(plan.arrivalMs);
    await waitFor(() => crowd.served, "everybody is connected", plan.arrivalMs + PATIENCE_MS);
    say(`${clients} clients are there`);
    crowd.talk();
    await sleep(plan.restMs);
    const measures: Measure[] = [];
    const stage: Stage = { app, redis, slug: plan.slug, maintenanceMs: plan.maintenanceMs };
    for (const act of plan.acts ?? ACTS) {
      measures.push(await play(act, stage, crowd, findings, say));
      account(digest, findings, say);
      await sleep(plan.restMs);
    }
    crowd.hush();
    const logs = await settle(crowd, redis, findings);
    const testimonies = crowd.participants.map(testimonyOf);
    judge(logs, testimonies, findings);
    account(digest, findings, say);
    return {
      messages: [...logs.values()].reduce((sum, entries) => sum + entries.length, 0),
      deliveries: testimonies.reduce((sum, { shown }) => sum + countShown(shown), 0),
      faults: countFaults(logs, testimonies),
      findings,
      measures,
      routerErrors: app.router.counts,
      lastedMs: performance.now() - begin,
    };
  } finally {
    crowd.leave();
    await app.destroy();
    await redis.destroy();
  }
}

async function play(
  act: Act,
  stage: Stage,
  crowd: Crowd,
  findings: Findings,
  say: (line: string) => void,
): Promise<Measure> {
  say(`— ${act.name}`);
  const begin = performance.now();
  const lateness = monitorEventLoopDelay();
  lateness.enable();
  await act.play(stage).catch((error: unknown) => findings.add("process", `${act.name}: ${String(error)}`));
  await waitFor(() => crowd.served, "service", PATIENCE_MS).catch(() => {
    const without = crowd.participants.filter(({ service }) => !service.served).length;
    findings.add("late", `${PATIENCE_MS / 1000} s after ${act.name}, ${without} clients had no service`);
  });
  lateness.disable();
  const stallMs = lateness.max / 1e6;
  const measured = measure(act, { begin, end: performance.now() }, crowd.participants, stallMs);
  const { interrupted, medianMs, longestMs } = measured;
  const lengths = `median ${Math.round(medianMs)} ms, longest ${Math.round(longestMs)} ms`;
  say(`  ${interrupted} clients were without service: ${lengths}; ${measured.reconnects} reconnects`);
  return measured;
}

/** Tells what the processes' own log lines say of the time since the last call. */
function account(digest: LogDigest, findings: Findings, say: (line: string) => void): void {
  const { catchUps, resets, troubles } = digest.account();
  for (const trouble of troubles) findings.add("process", trouble);
  const reasons = [...catchUps].map(([reason, count]) => `${count} for "${reason}"`);
  if (reasons.length > 0) say(`  catch-ups of rooms: ${reasons.join(", ")}`);
  if (resets > 0) say(`  ${resets} rooms began again`);
}

/** Waits until everybody has everything; what is missing then is a finding. */
async function settle(crowd: Crowd, redis: RedisAddon, findings: Findings): Promise<Logs> {
  const quiet = () => crowd.participants.every(({ isQuiet }) => isQuiet);
  await waitFor(quiet, "everything that was said is sent", PATIENCE_MS).catch(() => undefined);
  for (const { name, isQuiet } of crowd.participants)
    if (!isQuiet) findings.add("open-send", `${name} is still waiting at the end`);
  const logs = await readLogs(crowd.rooms, redis);
  const complete = () => crowd.participants.every((participant) => hasAll(participant, logs));
  await waitFor(complete, "everybody has everything", PATIENCE_MS).catch(() => undefined);
  for (const participant of crowd.participants)
    if (!hasAll(participant, logs)) findings.add("late", `${participant.name} lacks a last message`);
  return logs;
}

function hasAll({ views }: Participant, logs: Logs): boolean {
  return [...views].every(([room, { shown }]) => shown.at(-1)?.id === logs.get(room)?.at(-1)?.id);
}

async function readLogs(rooms: readonly string[], redis: RedisAddon): Promise<Logs> {
  const admin = new Redis(redis.directUrl);
  // It is there now; a command that fails says so itself.
  admin.on("error", () => undefined);
  try {
    return new Map(await Promise.all(rooms.map(async (room) => [room, await readLog(admin, room)] as const)));
  } finally {
    admin.disconnect();
  }
}

function testimonyOf({ name, user, sends, seen, views }: Participant) {
  const shown = new Map([...views].map(([room, view]) => [room, view.shown]));
  return { name, user, sends, acks: seen.acks, newest: seen.newest, shown };
}

function countShown(shown: ReadonlyMap<string, readonly unknown[]>): number {
  return [...shown.values()].reduce((sum, messages) => sum + messages.length, 0);
}
