import type { Attacker } from "./attacker/attacker.ts";
import type { CrowdPlan, HonestCrowd } from "./honest-crowd.ts";
import type { ProxyKind } from "./proxies.ts";
import type { Stage } from "./stage.ts";

/** Numbers by name; a name ends in its unit where it has one. */
export type Figures = Readonly<Record<string, number>>;

/** What a scenario's parts in this process and in the attacker's tell each other; JSON. */
export type Parameters = Readonly<Record<string, string | number | readonly string[]>>;

/** What a figure must be; inclusive. */
export interface Limit {
  readonly figure: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Who and what is there while an attack lasts. */
export interface Scene {
  readonly stage: Stage;
  readonly crowd: HonestCrowd;
  /** `http://…`: of each process, or of the proxy before them. */
  readonly urls: readonly string[];
  readonly parameters: Parameters;
}

/** One attack, and what must hold while it lasts and after it. */
export interface Scenario {
  readonly name: string;
  /** Says in one sentence what the attacker does. */
  readonly does: string;
  /** Environment of the processes, on top of the defaults; undefined takes a variable away. */
  readonly settings?: () => Promise<Readonly<Record<string, string | undefined>>>;
  /** Whether `settings` switches rights on, or has tokens of its own. */
  readonly hasRights?: true;
  /** Further arguments of redis-server. */
  readonly redisArgs?: readonly string[];
  /** Processes of the program; 3 if absent. */
  readonly processes?: number;
  /** Descriptors that a process may have open. */
  readonly descriptors?: number;
  /** Nothing is attacked, so that no other build is of interest. */
  readonly isOfThisBuildOnly?: boolean;
  /** A descriptor that takes the processes' standard output; read by this process if absent. */
  readonly stdout?: () => number;
  /** The proxy through which everybody comes; none if absent. */
  readonly proxy?: ProxyKind;
  readonly crowd?: Partial<CrowdPlan>;
  /** How long the attacker goes on, ms; 6,000 if absent. */
  readonly attackMs?: number;
  /** How long honest clients go on talking after it, ms; 3,000 if absent. */
  readonly settleMs?: number;
  /** Prepares what the attack needs, before the honest clients come. */
  prepare?(stage: Stage): Promise<Parameters>;
  /** Runs in the attacker's process, until `attacker.signal` is aborted at the latest. Must not reject. */
  attack(attacker: Attacker, parameters: Parameters): Promise<Figures>;
  /** Measures, beside the attack, until `signal` is aborted. */
  beside?(scene: Scene, signal: AbortSignal): Promise<Figures>;
  /** Measures while the attacker still holds what it has opened. */
  atEnd?(scene: Scene): Promise<Figures>;
  /** Measures after the honest clients have recovered. */
  after?(scene: Scene): Promise<Figures>;
  /** Besides `COMMON_LIMITS`; a limit of the same figure here takes its place. */
  readonly limits: readonly Limit[];
}

/** What must hold in every scenario. */
export const COMMON_LIMITS: readonly Limit[] = [
  { figure: "lost", atMost: 0 },
  { figure: "doubled", atMost: 0 },
  { figure: "disordered", atMost: 0 },
  { figure: "told missing", atMost: 0 },
  { figure: "unsent", atMost: 0 },
  { figure: "history kept %", atLeast: 100 },
  { figure: "honest requests refused", atMost: 0 },
  { figure: "new clients refused", atMost: 0 },
  { figure: "live:false told", atMost: 0 },
  { figure: "processes that ended", atMost: 0 },
  { figure: "acks p95 ms", atMost: 250 },
  { figure: "recovery s", atMost: 10 },
];

/** All limits of a scenario. */
export function limitsOf({ limits }: Scenario): readonly Limit[] {
  const own = new Set(limits.map(({ figure }) => figure));
  return [...COMMON_LIMITS.filter(({ figure }) => !own.has(figure)), ...limits];
}

/** Whether the figures keep a limit. A figure that is missing does not. */
export function satisfies(figures: Figures, { figure, atMost, atLeast }: Limit): boolean {
  const value = figures[figure];
  if (value === undefined || Number.isNaN(value)) return false;
  return (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);
}
