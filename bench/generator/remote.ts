import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type {
  ConnectCall,
  Connected,
  Endings,
  GeneratorCalls,
  Seen,
  SendCall,
  Sent,
  SettleCall,
} from "./calls.ts";
import type { AnswerMessage, CallMessage } from "./process.ts";

const PROGRAM = fileURLToPath(new URL("process.ts", import.meta.url));

/** A generator in a process of its own. */
export class RemoteGenerator implements GeneratorCalls {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor() {
    this.#child = fork(PROGRAM, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    this.#child.on("message", (answer: AnswerMessage) => this.#answered(answer));
    this.#child.on("exit", (code, signal) => this.#gone(`a generator ended (${code ?? signal})`));
    this.#child.on("error", (error) => this.#gone(error.message));
  }

  connect(call: ConnectCall): Promise<Connected> {
    return this.#call("connect", call);
  }

  send(call: SendCall): Promise<Sent> {
    return this.#call("send", call);
  }

  settle(call: SettleCall): Promise<Seen> {
    return this.#call("settle", call);
  }

  resume(ms: number): Promise<Endings> {
    return this.#call("resume", ms);
  }

  cut(): Promise<void> {
    return this.#call("cut", undefined);
  }

  /** Ends the process. */
  end(): void {
    this.#child.kill("SIGKILL");
  }

  #call<T>(name: keyof GeneratorCalls, argument: unknown): Promise<T> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => resolve(value as T), reject });
      this.#child.send({ id, name, argument } satisfies CallMessage, (error) => {
        if (error !== null) this.#gone(error.message);
      });
    });
  }

  #answered(answer: AnswerMessage): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.value);
  }

  #gone(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}
