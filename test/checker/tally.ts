import { FAULT_KINDS, type FaultKind } from "./faults.ts";

/** What happened in a seed, or in many. */
export class Tally {
  seeds = 0;
  /** Entries that the logs have. */
  messages = 0;
  /** Acks that arrived. */
  acks = 0;
  /** Of them, for a key that was stored before. */
  duplicates = 0;
  /** Sends that ended visibly failed. */
  failed = 0;
  /** Connections of clients beyond the first of each. */
  reconnects = 0;
  /** `joined` answers. */
  joins = 0;
  /** What moderators did. */
  acts = 0;
  /** What users who were shut out asked for over HTTP, and were refused. */
  refused = 0;
  /** Rooms that started over. */
  resets = 0;
  /** From the last fault until everybody had every message, ms: the longest. */
  messagesMs = 0;
  /** From then until everybody saw who is here, ms: the longest. */
  peopleMs = 0;
  readonly faults = new Map<FaultKind, number>();
  /** Catch-ups of the processes' rooms, by reason. */
  readonly catchUps = new Map<string, number>();

  fault(kind: FaultKind): void {
    count(this.faults, kind, 1);
  }

  add(other: Tally): void {
    this.seeds += other.seeds;
    this.messages += other.messages;
    this.acks += other.acks;
    this.duplicates += other.duplicates;
    this.failed += other.failed;
    this.reconnects += other.reconnects;
    this.joins += other.joins;
    this.resets += other.resets;
    this.acts += other.acts;
    this.refused += other.refused;
    this.messagesMs = Math.max(this.messagesMs, other.messagesMs);
    this.peopleMs = Math.max(this.peopleMs, other.peopleMs);
    for (const [kind, n] of other.faults) count(this.faults, kind, n);
    this.addCatchUps(other.catchUps);
  }

  addCatchUps(catchUps: ReadonlyMap<string, number>): void {
    for (const [reason, n] of catchUps) count(this.catchUps, reason, n);
  }

  /** One line. */
  summary(): string {
    return [
      `${this.messages} messages`,
      `${this.acks} acks (${this.duplicates} of known keys)`,
      `${total(this.faults)} faults`,
      `${this.reconnects} reconnects`,
      `${total(this.catchUps)} catch-ups`,
      `${this.resets} resets`,
      `${this.failed} visibly failed`,
      `${this.acts} acts of moderators (${this.refused} requests refused for them)`,
    ].join(", ");
  }

  /** Some lines, for the end. */
  report(): string {
    const faults = FAULT_KINDS.map((kind) => `  ${kind}: ${this.faults.get(kind) ?? 0}`);
    const catchUps = [...this.catchUps].map(([reason, n]) => `  ${reason}: ${n}`);
    return [
      `${this.seeds} seeds: ${this.summary()}, ${this.joins} joins`,
      `the longest way back: messages ${seconds(this.messagesMs)}, then people ${seconds(this.peopleMs)}`,
      "faults:",
      ...faults,
      "catch-ups by reason:",
      ...catchUps,
    ].join("\n");
  }
}

function count<K>(counts: Map<K, number>, key: K, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}

function total(counts: ReadonlyMap<unknown, number>): number {
  return [...counts.values()].reduce((sum, n) => sum + n, 0);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
