import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { SUBPROTOCOL } from "../../src/protocol/frames.ts";
import { LOBBY } from "./honest-crowd.ts";

/** Between two new clients, ms. */
const EVERY_MS = 500;

/** Milliseconds within which a new client must be in the room; else it counts as refused. */
const PATIENCE_MS = 5_000;

/**
 * Honest people who arrive one after the other, each from an address of their own, look into the lobby and
 * leave.
 */
export class Newcomers {
  readonly #wsUrls: readonly string[];
  readonly #pending = new Set<Promise<void>>();
  readonly reasons = new Map<string, number>();
  /** How long each who came in took, ms. */
  readonly tookMs: number[] = [];
  #arriving = true;
  #count = 0;

  constructor(wsUrls: readonly string[]) {
    this.#wsUrls = wsUrls;
    void this.#arrive();
  }

  get refused(): number {
    return [...this.reasons.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Fulfils when no client is connecting any more. */
  async stop(): Promise<void> {
    this.#arriving = false;
    await Promise.all(this.#pending);
  }

  async #arrive(): Promise<void> {
    while (this.#arriving) {
      const n = this.#count++;
      const visit = this.#visit(n).then(() => void this.#pending.delete(visit));
      this.#pending.add(visit);
      await sleep(EVERY_MS);
    }
  }

  async #visit(n: number): Promise<void> {
    const begun = performance.now();
    const localAddress = `127.2.${n >> 7}.${(n & 127) + 1}`;
    const url = new URL("/ws", this.#wsUrls[n % this.#wsUrls.length]).href;
    const socket = new WebSocket(url, SUBPROTOCOL, { localAddress, perMessageDeflate: false });
    const failure = await new Promise<string | undefined>((resolve) => {
      const timer = setTimeout(() => resolve("too late"), PATIENCE_MS);
      socket.on("open", () => {
        socket.send(JSON.stringify({ type: "hello", ref: 1 }));
        socket.send(JSON.stringify({ type: "join", ref: 2, room: LOBBY, limit: 0 }));
      });
      socket.on("message", (data) => {
        const frame: { type?: string; code?: string } = JSON.parse(data.toString());
        if (frame.type === "joined") resolve(undefined);
        else if (frame.type === "error") resolve(frame.code ?? "error");
      });
      socket.on("error", ({ message }) => resolve(message));
      socket.on("close", (code) => {
        clearTimeout(timer);
        resolve(`closed with ${code}`);
      });
    });
    socket.terminate();
    if (failure === undefined) this.tookMs.push(performance.now() - begun);
    else this.reasons.set(failure, (this.reasons.get(failure) ?? 0) + 1);
  }
}
