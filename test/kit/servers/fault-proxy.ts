import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Where a new connection is led: a port of this machine, or undefined to refuse it. */
export type Route = () => number | undefined;

/**
 * A TCP proxy that can do to each connection what networks do. It stands before one address and asks `route` for every new
 * connection where it leads.
 */
export class FaultProxy {
  readonly #server: Server;
  readonly #route: Route;
  readonly #passages = new Set<Passage>();
  #opened = 0;

  private constructor(route: Route) {
    this.#route = route;
    this.#server = createServer(this.#accept);
  }

  /** Fulfils when it listens, on a free port of 127.0.0.1. Ends with `close`. */
  static async open(route: Route): Promise<FaultProxy> {
    const proxy = new FaultProxy(route);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Connections that were led on, since the beginning. */
  get opened(): number {
    return this.#opened;
  }

  /** Those that are open at one end at least, oldest first. */
  get passages(): readonly Passage[] {
    return [...this.#passages];
  }

  /** Ends every connection and takes no new one. */
  async close(): Promise<void> {
    for (const passage of this.#passages) passage.cut();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  readonly #accept = (outside: Socket): void => {
    const port = this.#route();
    if (port === undefined) {
      outside.resetAndDestroy();
      return;
    }
    this.#opened += 1;
    const inside = connect(port, "127.0.0.1");
    const passage: Passage = new Passage(port, outside, inside, () => this.#passages.delete(passage));
    this.#passages.add(passage);
  };
}

/** Anything shorter is an answer to a ping, and no send. */
const SEND_BYTES = 80;

/** One connection through the proxy: what comes from outside goes inside, and back, until a fault is asked for. */
export class Passage {
  /** Where it was led. */
  readonly port: number;
  readonly #outside: Socket;
  readonly #inside: Socket;
  readonly #ended: () => void;
  /** How long bytes on their way in are kept back, ms. */
  #delayMs = 0;
  /** When the last of those that are kept back goes on. */
  #dueAt = 0;
  /** What is done with those, oldest first. */
  readonly #late: (() => void)[] = [];
  #stalled = false;
  #cutAtNextSend = false;

  constructor(port: number, outside: Socket, inside: Socket, ended: () => void) {
    this.port = port;
    this.#outside = outside;
    this.#inside = inside;
    this.#ended = ended;
    for (const socket of [outside, inside]) {
      socket.setNoDelay(true);
      // An error is always followed by close.
      socket.on("error", ignore);
      socket.on("close", this.#closed);
    }
    outside.on("data", this.#inward);
    outside.on("end", () => inside.end());
    inside.on("data", this.#outward);
    inside.on("end", () => outside.end());
    inside.on("drain", () => this.#flow(outside));
    outside.on("drain", () => this.#flow(inside));
  }

  /** Ends both ends at once; what is on its way is lost. */
  cut(): void {
    this.#outside.destroy();
    this.#inside.destroy();
  }

  /** From now on nothing passes, not even that an end is gone, and neither end is told: a cable was pulled. */
  stall(): void {
    this.#stalled = true;
    this.#outside.pause();
    this.#inside.pause();
  }

  /** Ends a stall; what waited passes. */
  resume(): void {
    this.#stalled = false;
    this.#flow(this.#outside);
    this.#flow(this.#inside);
  }

  /** From now on what goes in arrives later by that, in order. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** What is sent next still arrives, but its answer does not: both ends are told that the other is gone. */
  cutAfterSend(): void {
    this.#cutAtNextSend = true;
  }

  /**
   * What is sent next arrives only `ms` later, and the outside end is told at once that the connection is gone: the
   * sender may be elsewhere, and have sent it again, before the first one arrives.
   */
  deliverLate(ms: number): void {
    this.#delayMs = ms;
    this.#cutAtNextSend = true;
  }

  /** Ends every fault that goes on: what is stalled is cut, what is armed is not fired. */
  heal(): void {
    this.#delayMs = 0;
    this.#cutAtNextSend = false;
    if (this.#stalled) this.cut();
  }

  readonly #inward = (bytes: Buffer): void => {
    const isLast = this.#cutAtNextSend && bytes.length >= SEND_BYTES;
    this.#inOrder(() => {
      this.#write(this.#inside, bytes, this.#outside);
      // The inside end learns it after the bytes.
      if (isLast) this.#inside.end();
    });
    if (!isLast) return;
    this.#cutAtNextSend = false;
    this.#outside.off("close", this.#closed);
    this.#outside.destroy();
  };

  /** Does something after the delay, and never before what came earlier: timers of almost the same moment may change places. */
  #inOrder(task: () => void): void {
    const wait = Math.max(this.#delayMs, this.#dueAt - performance.now());
    if (wait <= 0 && this.#late.length === 0) {
      task();
      return;
    }
    this.#dueAt = performance.now() + wait;
    this.#late.push(task);
    setTimeout(() => this.#late.shift()?.(), wait);
  }

  readonly #outward = (bytes: Buffer): void => this.#write(this.#outside, bytes, this.#inside);

  #write(to: Socket, bytes: Buffer, from: Socket): void {
    if (to.destroyed || to.writableEnded) return;
    if (!to.write(bytes)) from.pause();
  }

  #flow(from: Socket): void {
    if (!this.#stalled) from.resume();
  }

  readonly #closed = (): void => {
    this.cut();
    this.#ended();
  };
}

function ignore(): void {}
