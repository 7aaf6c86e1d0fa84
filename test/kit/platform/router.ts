import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request as openRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Random } from "../../../src/client/ports.ts";
import { dial } from "./dial.ts";
import { endWithError, type RouterCode, type RouterError } from "./router-codes.ts";
import { forwardedHeaders, withoutHopByHop } from "./router-headers.ts";
import { Tunnel } from "./tunnel.ts";

/** A process that the router may lead a request to. */
export interface Target {
  readonly name: string;
  readonly port: number;
}

/** The platform's limits (its documents on HTTP routing and request timeout), ms. */
export const ROUTER_TIMES = {
  /** For a dyno to take a connection; then another one is tried. */
  connectMs: 5_000,
  /** For the first byte of an answer. */
  firstByteMs: 30_000,
  /** From then on: for a byte, in either direction, after the last one. */
  idleMs: 55_000,
} as const;

export type RouterTimes = { readonly [Name in keyof typeof ROUTER_TIMES]: number };

export interface RouterOptions {
  /** The dynos that may be chosen now; asked for every request. */
  readonly targets: () => readonly Target[];
  readonly random?: Random;
  readonly times?: Partial<RouterTimes>;
}

/** Errors that are kept for callers; all are counted. */
const KEPT_ERRORS = 200;

/**
 * A router that behaves like the platform's towards dynos: a random one for every request, without memory of
 * the client; headers that say for whom it asks; limits in time; an error code where there is no answer.
 */
export class Router {
  readonly #server: Server;
  readonly #targets: RouterOptions["targets"];
  readonly #random: Random;
  readonly #times: RouterTimes;
  readonly #tunnels = new Set<Tunnel>();
  readonly #errors: RouterError[] = [];
  readonly #counts = new Map<RouterCode, number>();

  private constructor({ targets, random = Math.random, times = {} }: RouterOptions) {
    this.#targets = targets;
    this.#random = random;
    this.#times = { ...ROUTER_TIMES, ...times };
    this.#server = createServer(this.#request);
    this.#server.on("upgrade", this.#upgrade);
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  /** Fulfils when it listens, on a free port of 127.0.0.1. Ends with `close`. */
  static async open(options: RouterOptions): Promise<Router> {
    const router = new Router(options);
    router.#server.listen(0, "127.0.0.1");
    await once(router.#server, "listening");
    return router;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** The newest errors, oldest first. */
  get errors(): readonly RouterError[] {
    return this.#errors;
  }

  /** How often each error happened. */
  get counts(): ReadonlyMap<RouterCode, number> {
    return this.#counts;
  }

  /** Sockets that are open through it. */
  get open(): number {
    return this.#tunnels.size;
  }

  /** Ends every connection and takes no new one. */
  async close(): Promise<void> {
    for (const tunnel of this.#tunnels) tunnel.cut();
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  readonly #request = (request: IncomingMessage, reply: ServerResponse): void => {
    const refuse = (code: RouterCode): void => {
      if (reply.headersSent) reply.destroy();
      else endWithError(reply, code);
    };
    void this.#exchange(request, reply, refuse).then((outgoing) => {
      if (outgoing === undefined) return;
      outgoing.once("response", (answer) => {
        const idle = setTimeout(() => {
          this.#failed(request, "H15");
          answer.destroy();
          reply.destroy();
        }, this.#times.idleMs);
        answer.on("data", () => idle.refresh());
        answer.once("close", () => clearTimeout(idle));
        answer.once("error", () => reply.destroy());
        reply.once("close", () => answer.destroy());
        reply.writeHead(answer.statusCode ?? 502, answer.statusMessage, withoutHopByHop(answer.rawHeaders));
        answer.pipe(reply);
      });
      request.pipe(outgoing);
    });
  };

  readonly #upgrade = (request: IncomingMessage, client: Duplex, head: Buffer): void => {
    client.on("error", ignore);
    const refuse = (code: RouterCode): void => endWithError(client, code);
    void this.#exchange(request, client, refuse).then((outgoing) => {
      if (outgoing === undefined) return;
      // The dyno says no: an ordinary answer, and the end of the connection.
      outgoing.once("response", (answer) => {
        client.write(statusLine(answer));
        answer.on("error", () => client.destroy());
        answer.pipe(client);
      });
      outgoing.once("upgrade", (answer: IncomingMessage, dyno: Socket, first: Buffer) => {
        client.write(statusLine(answer));
        const tunnel = new Tunnel(client, dyno, this.#times.idleMs, {
          idle: () => this.#failed(request, "H15"),
          ended: () => this.#tunnels.delete(tunnel),
        });
        this.#tunnels.add(tunnel);
        tunnel.begin(head, first);
      });
      outgoing.end();
    });
  };

  /** Leads a request to a dyno; undefined when there was none, which `refuse` was told. */
  async #exchange(
    request: IncomingMessage,
    client: ServerResponse | Duplex,
    refuse: (code: RouterCode) => void,
  ): Promise<ClientRequest | undefined> {
    const fail = (code: RouterCode): void => {
      this.#failed(request, code);
      refuse(code);
    };
    const reached = await this.#reach();
    if (typeof reached === "string") {
      fail(reached);
      return undefined;
    }
    const outgoing = openRequest({
      createConnection: () => reached,
      method: request.method ?? "GET",
      path: request.url ?? "/",
      headers: forwardedHeaders(request, this.port, randomUUID),
    });
    const firstByte = setTimeout(() => {
      outgoing.off("error", broken);
      outgoing.on("error", ignore).destroy();
      fail("H12");
    }, this.#times.firstByteMs);
    const broken = (): void => fail("H13");
    outgoing.once("error", broken);
    outgoing.once("close", () => clearTimeout(firstByte));
    for (const answered of ["response", "upgrade"]) {
      outgoing.once(answered, () => {
        clearTimeout(firstByte);
        outgoing.off("error", broken);
        outgoing.on("error", ignore);
      });
    }
    // Who went away while asking is not asked for any more.
    client.once("close", () => {
      outgoing.off("error", broken);
      outgoing.on("error", ignore).destroy();
    });
    return outgoing;
  }

  /**
   * A connection to a dyno drawn at random; where it does not take one, to another; then the code of that.
   */
  async #reach(): Promise<Socket | RouterCode> {
    const left = [...this.#targets()];
    let code: RouterCode = "H14";
    while (left.length > 0) {
      const [target] = left.splice(Math.floor(this.#random() * left.length), 1);
      if (target === undefined) break;
      const dialled = await dial(target.port, this.#times.connectMs);
      if (typeof dialled !== "string") return dialled;
      code = dialled === "timeout" ? "H19" : "H21";
    }
    return code;
  }

  #failed({ method = "", url = "" }: IncomingMessage, code: RouterCode): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
    this.#errors.push({ code, method, path: url, at: Date.now() });
    if (this.#errors.length > KEPT_ERRORS) this.#errors.shift();
  }
}

/** The head of an answer, as it goes over the wire. */
function statusLine({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function ignore(): void {}
