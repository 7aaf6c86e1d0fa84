import { setTimeout as sleep } from "node:timers/promises";
import { BEGINNING } from "../../src/protocol/ids.ts";
import { publicationOf } from "../../src/store/redis/messages/publications.ts";
import type { Passage } from "../kit/servers/fault-proxy.ts";
import type { Fault, FaultKind } from "./faults.ts";
import { forgery } from "./forgery.ts";
import type { Place } from "./processes.ts";
import type { Stage } from "./stage.ts";
import { KEYS, readLog } from "./stored-log.ts";

/** Carries a fault out from its beginning to its end. Fulfils with false if there was nothing that it could meet. */
type Deed = (stage: Stage, fault: Fault) => Promise<boolean>;

/** How late a send arrives, ms: time enough for its sender to come back elsewhere and send it again. */
const LATE_MS = { least: 100, most: 500 } as const;
/** How much later what a delayed client sends arrives, ms. */
const DELAY_MS = { least: 30, most: 400 } as const;

const DEEDS: Readonly<Record<FaultKind, Deed>> = {
  "process-killed": (stage, fault) => onProcess(stage, fault, (place) => place.kill()),
  "process-ended": (stage, fault) => onProcess(stage, fault, (place) => place.replace()),
  "process-frozen": (stage, fault) => onProcess(stage, fault, (place) => freeze(stage, place, fault)),
  "client-cut": (stage, fault) =>
    fault.all ? cutAll(stage) : onPassage(stage, fault, (passage) => passage.cut()),
  "client-stalled": (stage, fault) => onPassage(stage, fault, (passage) => stall(passage, fault)),
  "client-delayed": (stage, fault) =>
    onPassage(stage, fault, async (passage) => {
      passage.delay(within(DELAY_MS, fault.chance));
      await sleep(fault.lastsMs);
      passage.delay(0);
    }),
  "ack-lost": (stage, fault) => onPassage(stage, fault, (passage) => passage.cutAfterSend()),
  "send-late": (stage, fault) =>
    onPassage(stage, fault, (passage) => passage.deliverLate(within(LATE_MS, fault.chance))),
  "redis-frozen": async ({ redis }, { lastsMs }) => {
    redis.freeze();
    await sleep(lastsMs);
    redis.thaw();
    return true;
  },
  "redis-killed": async ({ redis }, { lastsMs }) => {
    await redis.kill();
    await sleep(lastsMs);
    await redis.restart();
    return true;
  },
  "subscribers-killed": (stage, fault) => killConnections(stage, fault, "dynochat:subscriber"),
  "writers-killed": (stage, fault) => killConnections(stage, fault, "dynochat:writer"),
  "redis-link-cut": (stage, fault) =>
    onProcess(stage, fault, async ({ link: { passages } }) => {
      for (const passage of passages) passage.cut();
      return passages.length > 0;
    }),
  "redis-link-stalled": (stage, fault) =>
    onProcess(stage, fault, async ({ link: { passages } }) => {
      const [one] = passages.slice(Math.floor(fault.chance * passages.length));
      const stalled = fault.all || one === undefined ? passages : [one];
      await Promise.all(stalled.map((passage) => stall(passage, fault)));
      return stalled.length > 0;
    }),
  "scripts-flushed": async ({ admin }) => {
    await admin.script("FLUSH");
    return true;
  },
  "payload-forged": async ({ admin }, { room, chance }) => {
    const [newest] = await admin.xrevrange(KEYS.log(room), "+", "-", "COUNT", 1);
    await admin.publish(KEYS.channel(room), forgery(room, chance, newest?.[0] ?? BEGINNING));
    return true;
  },
  "payload-doubled": async ({ admin }, { room, chance }) => {
    const entries = await readLog(admin, room);
    const entry = entries[Math.floor(chance * entries.length)];
    const secret = await admin.get(KEYS.shared("publications"));
    if (entry === undefined || secret === null) return false;
    await admin.publish(KEYS.channel(room), publicationOf(Buffer.from(entry.frame), secret));
    return true;
  },
};

/**
 * Carries a fault out. Fulfils, when it is over, with whether it happened: a command that Redis was away for, or a process
 * that was down already, is no fault.
 */
export async function inflict(stage: Stage, fault: Fault): Promise<boolean> {
  if (!NEEDS_REDIS.has(fault.kind)) return DEEDS[fault.kind](stage, fault);
  try {
    return await DEEDS[fault.kind](stage, fault);
  } catch {
    return false;
  }
}

/** Done by a command, which rejects while Redis is away. */
const NEEDS_REDIS: ReadonlySet<FaultKind> = new Set<FaultKind>([
  "subscribers-killed",
  "writers-killed",
  "scripts-flushed",
  "payload-forged",
  "payload-doubled",
]);

async function onProcess(
  { processes }: Stage,
  fault: Fault,
  deed: (place: Place) => Promise<unknown>,
): Promise<boolean> {
  const place = processes.places[fault.process];
  if (place?.port === undefined || place.isChanging) return false;
  return (await deed(place)) !== false;
}

async function onPassage(
  { chatters }: Stage,
  fault: Fault,
  deed: (passage: Passage) => unknown,
): Promise<boolean> {
  const passage = chatters[fault.chatter]?.proxy.passages.at(-1);
  if (passage === undefined) return false;
  await deed(passage);
  return true;
}

/** Everybody comes back at once. */
async function cutAll({ chatters }: Stage): Promise<boolean> {
  for (const { proxy } of chatters) for (const passage of proxy.passages) passage.cut();
  return true;
}

/** Sometimes a router gives up meanwhile: then the process finds, when it wakes, what was sent by people who are gone. */
async function freeze({ chatters }: Stage, place: Place, { all, lastsMs }: Fault): Promise<void> {
  const { port } = place;
  place.freeze();
  await sleep(lastsMs / 2);
  if (all) {
    const passages = chatters.flatMap((chatter) => chatter.proxy.passages);
    for (const passage of passages) if (passage.port === port) passage.cut();
  }
  await sleep(lastsMs / 2);
  place.thaw();
}

/** A third of what is stalled comes back to life by itself. */
async function stall(passage: Passage, { lastsMs, chance }: Fault): Promise<void> {
  passage.stall();
  await sleep(lastsMs);
  if (chance < 1 / 3) passage.resume();
  else passage.cut();
}

async function killConnections({ admin }: Stage, { all, chance }: Fault, name: string): Promise<boolean> {
  const list = String(await admin.client("LIST"));
  const ids = [...list.matchAll(/^id=(\d+) .* name=(\S*) /gm)].flatMap(([, id = "", who]) =>
    who === name ? id : [],
  );
  const [one] = ids.slice(Math.floor(chance * ids.length));
  const victims = all || one === undefined ? ids : [one];
  await Promise.all(victims.map((id) => admin.client("KILL", "ID", id)));
  return victims.length > 0;
}

function within({ least, most }: { readonly least: number; readonly most: number }, chance: number): number {
  return least + chance * (most - least);
}
