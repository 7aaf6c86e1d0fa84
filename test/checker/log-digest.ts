import type { LogLine, Server } from "../kit/servers/program.ts";

/** Pino's number for `error`. */
const ERROR = 50;

/** What the processes' log lines of some time say. */
export interface Account {
  /** Catch-ups by their reason. */
  readonly catchUps: ReadonlyMap<string, number>;
  /** Rooms that started over because their log did not continue. */
  readonly resets: number;
  /** Errors, lines that are no log lines, processes that ended by themselves. */
  readonly troubles: readonly string[];
}

/** Follows the log lines of processes that come and go. */
export class LogDigest {
  /** How many lines of each process were accounted for. */
  readonly #read = new Map<Server, { output: number; logs: number }>();
  readonly #gone = new Set<Server>();
  #troubles: string[] = [];

  follow(server: Server): void {
    this.#read.set(server, { output: 0, logs: 0 });
    void server.exit.then(() => this.#gone.add(server));
  }

  trouble(sentence: string): void {
    this.#troubles.push(sentence);
  }

  /** What came since the last call. */
  account(): Account {
    const catchUps = new Map<string, number>();
    let resets = 0;
    const troubles = this.#troubles;
    this.#troubles = [];
    for (const [server, read] of this.#read) {
      for (const line of server.output().slice(read.output)) {
        if (!line.startsWith("{")) troubles.push(`process ${server.pid} wrote: ${line}`);
      }
      for (const line of server.logs().slice(read.logs)) {
        const { event, reason, level } = line;
        if (event === "catch-up") catchUps.set(String(reason), (catchUps.get(String(reason)) ?? 0) + 1);
        if (event === "reset") resets += 1;
        if (typeof level === "number" && level >= ERROR) troubles.push(troubleOf(server, line));
      }
      read.output = server.output().length;
      read.logs = server.logs().length;
    }
    return { catchUps, resets, troubles };
  }

  outputs(): ReadonlyMap<number, readonly string[]> {
    return new Map([...this.#read.keys()].map((server) => [server.pid, server.output()]));
  }

  /** Forgets the processes that are gone; call it when what they wrote is not wanted any more. */
  forgetGone(): void {
    for (const server of this.#gone) this.#read.delete(server);
    this.#gone.clear();
  }
}

function troubleOf(server: Server, { msg, err, ...rest }: LogLine): string {
  return `process ${server.pid} logged an error: ${String(msg)} ${JSON.stringify({ ...rest, err })}`;
}
