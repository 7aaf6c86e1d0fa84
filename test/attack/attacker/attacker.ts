import { setMaxListeners } from "node:events";
import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { setImmediate as nextTick, setTimeout as sleep } from "node:timers/promises";
import { type Upgrade, WireSocket } from "./wire-socket.ts";

/** The address that the attacker has; a user of the site may have others. */
export const ATTACKER_ADDRESS = "127.0.0.66";

interface ConnectOptions extends Pick<NetConnectOpts, "allowHalfOpen"> {
  readonly localAddress?: string;
}

export interface HttpRequest {
  readonly port: number;
  /** `GET` if absent. */
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  /** 0 where there was none. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the attacker has spent. */
export interface Cost {
  readonly bytes: number;
  readonly sockets: number;
  readonly cpuMs: number;
}

/** Everything the attacker sends goes through here, from one address, and is counted. */
export class Attacker {
  /** Ports of the processes under attack. */
  readonly ports: readonly number[];
  readonly signal: AbortSignal;
  readonly #open = new Set<Socket>();
  readonly #agent = new Agent({ keepAlive: true, localAddress: ATTACKER_ADDRESS, maxSockets: 50 });
  readonly #cpu = process.cpuUsage();
  #sockets = 0;
  #closedBytes = 0;

  constructor(ports: readonly number[], signal: AbortSignal) {
    this.ports = ports;
    this.signal = signal;
    // As many as there are connections that pause.
    setMaxListeners(0, signal);
  }

  /** The port of a process, in turn. */
  port(n: number): number {
    return this.ports[n % this.ports.length] ?? 0;
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  /** Fulfils after that time, or when the attack is over. */
  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal }).catch(() => undefined);
  }

  /** Fulfils when the attack is over. */
  async untilOver(): Promise<void> {
    while (!this.isOver) await this.pause(60_000);
  }

  /** Repeats a step until the attack is over, as fast as other work of this process lets it. */
  async repeat(step: (n: number) => Promise<unknown> | undefined): Promise<void> {
    for (let n = 0; !this.isOver; n += 1) {
      await step(n);
      if (n % 16 === 0) await nextTick();
    }
  }

  /** Opens a TCP connection. */
  connect(port: number, { localAddress = ATTACKER_ADDRESS, ...options }: ConnectOptions = {}): Socket {
    const place = { port, host: "127.0.0.1", localAddress };
    const socket = connect({ ...place, noDelay: true, ...options });
    this.#count(socket);
    return socket;
  }

  /** Asks for a WebSocket; see `answered`. */
  upgrade(options: Upgrade): WireSocket {
    const { port, localAddress } = options;
    return new WireSocket(this.connect(port, localAddress === undefined ? {} : { localAddress }), options);
  }

  /** A WebSocket that is open and has said hello as a new guest; undefined where it was refused. */
  async guest(options: Upgrade, handle?: string): Promise<WireSocket | undefined> {
    const socket = this.upgrade(options);
    if ((await socket.answered) !== 101) {
      socket.destroy();
      return undefined;
    }
    socket.send({ type: "hello", ref: 0, ...(handle === undefined ? {} : { handle }) });
    return socket;
  }

  /** Sends a request over HTTP. Never rejects. */
  request({ port, method = "GET", path, headers = {}, body }: HttpRequest): Promise<HttpAnswer> {
    return new Promise((resolve) => {
      const none = (): void => resolve({ status: 0, headers: {}, body: "" });
      const request = httpRequest(
        { host: "127.0.0.1", port, method, path, headers, agent: this.#agent, timeout: 5_000 },
        (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.on("error", none);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
          );
        },
      );
      request.on("socket", (socket) => this.#count(socket));
      request.on("timeout", () => request.destroy());
      request.on("error", none);
      request.end(body);
    });
  }

  cost(): Cost {
    const { user, system } = process.cpuUsage(this.#cpu);
    const open = [...this.#open].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    return { bytes: this.#closedBytes + open, sockets: this.#sockets, cpuMs: (user + system) / 1_000 };
  }

  /** Ends everything that is open. */
  release(): void {
    for (const socket of this.#open) socket.destroy();
    this.#agent.destroy();
  }

  #count(socket: Socket): void {
    if (this.#open.has(socket)) return;
    this.#open.add(socket);
    this.#sockets += 1;
    // An error is always followed by close.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#open.delete(socket);
      this.#closedBytes += socket.bytesWritten;
    });
  }
}
