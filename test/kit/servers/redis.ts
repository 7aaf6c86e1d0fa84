import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../ports.ts";
import { waitFor } from "../vitest/wait-for.ts";

const run = promisify(execFile);

/** For a server to start on a busy machine; reached only in failure. */
const START_MS = 30_000;

/** A real redis-server of one test file. */
export interface TestRedis {
  readonly port: number;
  readonly url: string;
  /** Runs redis-cli against it; the output without the last line end. Rejects if Redis cannot be reached. */
  cli(...args: string[]): Promise<string>;
  /** Stops the process where it stands (SIGSTOP): its connections stay open and nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Ends it at once (SIGKILL); what was not on disk is lost. */
  kill(): Promise<void>;
  /** Starts it again on the same port after `kill`, with what is on disk. */
  restart(): Promise<void>;
  /** Ends it and removes its files. Idempotent. */
  stop(): Promise<void>;
}

export interface TestRedisOptions {
  /** Further arguments of redis-server, for example `["--maxmemory", "2mb"]`. */
  readonly args?: readonly string[];
}

/**
 * Starts redis-server on a free port, with its files in a folder of its own under the system's
 * temporary one. It ends with `stop`, at the latest with this process, however that ends.
 */
export async function startRedis({ args = [] }: TestRedisOptions = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), "dynochat-redis-"));
  for (let attempt = 1; ; attempt += 1) {
    const server = new Server(await freePort(), folder, args);
    try {
      await server.restart();
      return server;
    } catch (error) {
      await server.kill();
      // Somebody else may have taken the port between looking and listening.
      if (attempt === 3 || error instanceof MissingProgram) {
        await server.stop();
        throw error;
      }
    }
  }
}

/** On Linux the kernel ends the server when this process is killed; elsewhere only an orderly exit does. */
const UNDERTAKER = process.platform === "linux" ? ["setpriv", "--pdeathsig", "KILL"] : [];

const MISSING =
  "redis-server is not on the PATH. On Debian and Ubuntu: sudo apt-get install -y redis-server util-linux; on macOS: brew install redis";

class MissingProgram extends Error {
  override readonly name = "MissingProgram";
}

/** Servers that still run, for the way out of this process that no test can prevent. */
const running = new Set<Server>();
process.once("exit", () => {
  for (const server of running) server.abandon();
});

class Server implements TestRedis {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run("redis-cli", ["-p", String(this.port), ...args], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.replace(/\n$/, "");
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    running.delete(this);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async restart(): Promise<void> {
    const [program, ...args] = [...UNDERTAKER, "redis-server", ...this.#arguments()];
    const child = spawn(program ?? "redis-server", args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let isReady = false;
    const keep = (chunk: Buffer) => {
      output += chunk.toString();
      // Looked for before the beginning is forgotten: a replica has more to say after it.
      isReady ||= output.includes("Ready to accept connections");
      output = output.slice(-2_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    let failure: Error | undefined;
    child.once("error", (cause) => {
      failure = new MissingProgram(MISSING, { cause });
    });
    child.once("exit", (code) => {
      failure ??= /No such file/.test(output)
        ? new MissingProgram(MISSING)
        : new Error(`redis-server ended with ${code}: ${output}`);
    });
    this.#child = child;
    running.add(this);
    await waitFor(
      async () => {
        if (failure !== undefined) throw failure;
        return isReady;
      },
      "redis-server accepts connections",
      START_MS,
    );
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** What `stop` does, without waiting: this process is on its way out. */
  abandon(): void {
    this.#child?.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #arguments(): string[] {
    const own = { port: this.port, bind: "127.0.0.1", dir: this.#folder, save: "", appendonly: "no" };
    return [...Object.entries(own).flatMap(([name, value]) => [`--${name}`, String(value)]), ...this.#args];
  }
}
