import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { waitFor } from "../vitest/wait-for.ts";

/** The repository. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** A start on a busy machine with two cores, beside others; reached only in failure. */
export const START_MS = 60_000;
/** After SIGTERM, what is still there after this time is killed; reached only in failure. */
const STOP_MS = 20_000;

export interface ServerOptions {
  /** On top of what a test needs; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The working directory; the repository if absent. */
  readonly cwd?: string;
  /** The folder whose `dist` is run, with a slash at its end; the repository if absent. */
  readonly root?: string;
  /**
   * A descriptor for its standard output; `unread`: a socket that is not read. Read, into `output`, if
   * absent.
   */
  readonly stdout?: number | "unread";
  /** How many file descriptors it may have open; as many as the tests where absent. */
  readonly descriptors?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One line of the program's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The program in a process of its own, started as the Procfile's `web:` line does. */
export interface Server {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** `ws://127.0.0.1:<port>`; a socket's path comes after it. */
  readonly wsUrl: string;
  readonly port: number;
  readonly pid: number;
  /** Everything it wrote to stdout and stderr, by line. */
  output(): readonly string[];
  /** Those lines that are JSON objects. */
  logs(): readonly LogLine[];
  /** A log line that fits, written already or later. */
  waitForLog(predicate: (line: LogLine) => boolean, what?: string): Promise<LogLine>;
  /** Fulfils when `/readyz` says that it can serve. */
  ready(): Promise<void>;
  /** Fulfils when the process has ended and all its output is read. */
  readonly exit: Promise<Exit>;
  /** Sends a signal, SIGKILL if none is named; see `exit`. */
  kill(signal?: NodeJS.Signals): void;
  /** Nobody reads what it writes any more. */
  deafen(): void;
  /** Ends it: SIGTERM, and SIGKILL if that takes too long. */
  stop(): Promise<Exit>;
}

/**
 * The command after `web:` in the Procfile, runnable from any directory, of the program that is built in
 * `root`.
 */
export function procfileCommand(root = ROOT): string {
  const procfile = readFileSync(`${ROOT}Procfile`, "utf8");
  const command = /^web: *(.+)$/m.exec(procfile)?.[1];
  if (command === undefined) throw new Error("the Procfile has no web: line");
  return command.replace(/(?<= )dist\//, `${root}dist/`);
}

/** Runs the program; the caller ends it. It ends at the latest with this process, however that ends. */
export function launch(options: ServerOptions, port: number): Server {
  const limit = options.descriptors === undefined ? "" : `ulimit -n ${options.descriptors}; `;
  const child = spawn("sh", ["-c", `${limit}exec ${deathPact()}${procfileCommand(options.root)}`], {
    cwd: options.cwd ?? ROOT,
    env: { ...surroundings(), ...options.env },
    stdio: ["ignore", typeof options.stdout === "number" ? options.stdout : "pipe", "pipe"],
  });
  const output: string[] = [];
  const logs: LogLine[] = [];
  for (const stream of [options.stdout === undefined ? child.stdout : null, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      output.push(line);
      const fields = parsed(line);
      if (fields !== undefined) logs.push(fields);
    });
  }
  // An unread stream never closes.
  const over = options.stdout === undefined ? "close" : "exit";
  const exit = once(child, over).then(([code, signal]): Exit => ({ code, signal }));
  return {
    url: `http://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${port}`,
    port,
    pid: child.pid ?? 0,
    output: () => output,
    logs: () => logs,
    waitForLog: (predicate, what = "a log line") => waitFor(() => logs.find(predicate), what),
    ready: () => becomesReady(`http://127.0.0.1:${port}`),
    exit,
    kill: (signal = "SIGKILL") => void child.kill(signal),
    deafen: () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
    stop: () => stopChild(child, exit),
  };
}

/**
 * Fulfils when `/livez` answers. Rejects with the program's output if it exits instead, or takes too long.
 */
export async function listening(server: Server): Promise<void> {
  const ended = server.exit.then(({ code, signal }) => {
    throw new Error(`the server exited (${code ?? signal}):\n${server.output().join("\n")}`);
  });
  await Promise.race([
    ended,
    waitFor(() => answersOk(`${server.url}/livez`), `${server.url}/livez answers`, START_MS).catch(
      (cause: unknown) => {
        throw new Error(`the server does not listen:\n${server.output().join("\n")}`, { cause });
      },
    ),
  ]);
  ended.catch(() => undefined);
}

async function stopChild(child: ChildProcess, exit: Promise<Exit>): Promise<Exit> {
  // A stopped process takes SIGTERM only after it was woken.
  child.kill("SIGCONT");
  child.kill("SIGTERM");
  const impatience = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  try {
    return await exit;
  } finally {
    clearTimeout(impatience);
  }
}

/** Where the system has it: the kernel kills the child when its parent dies, whatever that died of. */
function deathPact(): string {
  const works = spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0;
  return works ? "setpriv --pdeathsig KILL " : "";
}

/**
 * As on the platform, so that a developer's own .env and variables do not change a test. New clients are
 * taken in on a machine that is late, too: to refuse them is what tests of overload ask for.
 */
function surroundings(): Record<string, string | undefined> {
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    NODE_ENV: "production",
    SHUTDOWN_SECONDS: "0",
    MAX_LOOP_DELAY_MS: "0",
    // All clients of a test are guests of one address.
    ADDRESS_MESSAGES_PER_SECOND: "0",
    ROOM_GUEST_MESSAGES_PER_SECOND: "0",
    NEW_ROOMS_PER_ADDRESS: "0",
    NEW_WRITERS_PER_ADDRESS: "0",
    ADDRESS_BYTES_PER_SECOND: "0",
    MAX_ROOMS_PER_ADDRESS: "0",
  };
}

async function becomesReady(url: string): Promise<void> {
  await waitFor(() => answersOk(`${url}/readyz`), `${url}/readyz says ready`, START_MS);
}

async function answersOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

function parsed(line: string): LogLine | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
