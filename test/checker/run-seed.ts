import { setTimeout as sleep } from "node:timers/promises";
import { SignJWT } from "jose";
import { ALL_ROOMS } from "../../src/store/access.ts";
import { seededRandom } from "../kit/fakes/seeded-random.ts";
import { Chatter } from "./chatter.ts";
import { Desk } from "./desk.ts";
import { fastClock } from "./fast-clock.ts";
import { Findings } from "./findings.ts";
import { makePeace } from "./peace.ts";
import { BUSY_ROOMS, isOfSite, type Plan, type Step } from "./plan.ts";
import { SITE_SECRET } from "./processes.ts";
import { inflict } from "./sabotage.ts";
import type { Stage } from "./stage.ts";
import { Tally } from "./tally.ts";
import { judge, type Logs } from "./verdict.ts";

/** Clients wait this much less than in a browser, between attempts to connect and to send: a seed is short. */
const CLIENT_SPEED = 4;

export interface SeedResult {
  readonly plan: Plan;
  readonly findings: Findings;
  readonly tally: Tally;
  readonly logs: Logs;
  readonly chatters: readonly Chatter[];
}

/** Lets a plan happen on processes that serve, waits for peace, and judges what everybody has. */
export async function runSeed(world: Omit<Stage, "chatters">, plan: Plan): Promise<SeedResult> {
  const findings = new Findings();
  const tally = new Tally();
  const chatters = await Promise.all(
    Array.from({ length: plan.chatters }, (_, n) => startChatter(world, plan.seed, n, findings)),
  );
  const stage = { ...world, chatters };
  const desk = new Desk(world.processes, plan.rooms.slice(0, BUSY_ROOMS), findings);
  try {
    await perform(stage, plan, desk, tally, findings);
    await world.processes.ready().catch((error: unknown) => findings.add("process", String(error)));
    const { logs, messagesMs, peopleMs } = await makePeace(stage, [...plan.rooms, ALL_ROOMS], findings);
    tally.messagesMs = messagesMs;
    tally.peopleMs = peopleMs;
    judge(logs, chatters.map(testimonyOf), findings);
    await desk.stop();
    account(stage, logs, findings, tally);
    tally.acts = desk.done;
    tally.refused = desk.refused;
    return { plan, findings, tally, logs, chatters };
  } finally {
    await desk.stop();
    await Promise.all(chatters.map((chatter) => chatter.stop()));
  }
}

function startChatter(
  { processes }: Omit<Stage, "chatters">,
  seed: number,
  number: number,
  findings: Findings,
): Promise<Chatter> {
  // Streams of their own, so that what one of them draws does not shift the others.
  const routes = seededRandom(seed * 1_000 + number);
  return Chatter.start({
    name: `chatter ${number}`,
    route: () => {
      const { ports } = processes;
      return ports[Math.floor(routes() * ports.length)];
    },
    random: seededRandom(seed * 1_000 + 500 + number),
    signIn: isOfSite(number) ? () => tokenOf(`${seed}-${number}`) : undefined,
    clock: fastClock(CLIENT_SPEED),
    findings,
  });
}

/** A token of the site, issued now: a sign-out is not to the second. */
function tokenOf(sub: string): Promise<string> {
  const now = Date.now() / 1_000;
  const token = new SignJWT({ sub, iat: now, exp: Math.ceil(now) + 3_600 });
  return token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SITE_SECRET));
}

/** Carries out the steps at their times. Fulfils when the last of them is over. */
async function perform(
  stage: Stage,
  { steps }: Plan,
  desk: Desk,
  tally: Tally,
  findings: Findings,
): Promise<void> {
  const begin = performance.now();
  const underWay: Promise<void>[] = [];
  for (const step of steps) {
    const wait = begin + step.at - performance.now();
    if (wait > 0) await sleep(wait);
    if (step.name === "fault") {
      const { fault } = step;
      const over = inflict(stage, fault).then(
        (happened) => (happened ? tally.fault(fault.kind) : undefined),
        // A process that does not end, or does not start again.
        (error: unknown) => findings.add("process", `${fault.kind}: ${error}`),
      );
      underWay.push(over);
    } else if (step.name === "act") {
      const { chatter } = step.act;
      underWay.push(desk.carryOut(step.act, chatter === undefined ? undefined : stage.chatters[chatter]));
    } else speak(stage, step);
  }
  await Promise.all(underWay);
}

function speak({ chatters }: Stage, step: Exclude<Step, { name: "fault" | "act" }>): void {
  const chatter = chatters[step.chatter];
  if (step.name === "say") chatter?.say(step.room, step.text);
  else if (step.name === "enter") chatter?.enter(step.room);
  else chatter?.leave(step.room);
}

function testimonyOf({ name, user = "nobody", sends, seen, views }: Chatter) {
  const shown = new Map([...views].map(([room, view]) => [room, view.shown]));
  return { name, user, sends, acks: seen.acks, newest: seen.newest, shown };
}

function account({ chatters, processes }: Stage, logs: Logs, findings: Findings, tally: Tally): void {
  const { catchUps, resets, troubles } = processes.account();
  for (const trouble of troubles) findings.add("process", trouble);
  tally.addCatchUps(catchUps);
  tally.resets = resets;
  tally.seeds = 1;
  for (const [room, entries] of logs) if (room !== ALL_ROOMS) tally.messages += entries.length;
  for (const { seen, sends, proxy } of chatters) {
    tally.acks += seen.acks.length;
    tally.duplicates += seen.duplicates;
    tally.joins += seen.joins;
    tally.reconnects += proxy.opened - 1;
    tally.failed += sends.filter(({ state }) => state === "failed").length;
  }
}
