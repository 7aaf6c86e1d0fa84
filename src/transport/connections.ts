import type { Chat } from "../chat/chat.ts";
import type { Capacity } from "./capacity.ts";
import type { ClientAddresses } from "./client-address.ts";
import { ConnectionLimits } from "./connection-limits.ts";
import { ConnectionRegistry } from "./connection-registry.ts";
import type { ChatCookies } from "./cookies/chat-cookies.ts";
import { Drain } from "./drain.ts";
import { Gate, type GateRules } from "./gate.ts";
import { EventStreams } from "./sse/event-streams.ts";
import { SocketRoutes } from "./websocket/socket-routes.ts";
import { Sockets } from "./websocket/sockets.ts";

/** How often addresses that opened no connection lately are forgotten, ms. */
const SWEEP_MS = 5_000;

export interface ConnectionOptions {
  readonly capacity: Capacity;
  /** Connections opened per second and address; 0 = no limit. */
  readonly connectsPerSecondPerAddress: number;
  readonly pingSeconds: number;
  readonly defaultRoom: string;
  readonly shutdownSeconds: number;
}

/** What connections need of the app around them. */
export interface ConnectionDeps extends Pick<GateRules, "addresses" | "hosts" | "origins" | "overload"> {
  readonly addresses: ClientAddresses;
  readonly cookies: ChatCookies;
}

/** All connections of this process, sockets and event streams: who may open one, how many there are, and how they end. */
export class Connections {
  readonly capacity: Capacity;
  readonly gate: Gate;
  readonly drain: Drain;
  /** The addresses at which sockets are opened. */
  readonly routes: SocketRoutes;
  readonly streams: EventStreams;
  readonly #limits: ConnectionLimits;
  readonly #sockets: Sockets;
  #sweep: NodeJS.Timeout | undefined;
  #countTcp: (() => number) | undefined;

  constructor(chat: Chat, options: ConnectionOptions, { cookies, ...rules }: ConnectionDeps) {
    const { capacity, connectsPerSecondPerAddress: connectsPerSecond, pingSeconds } = options;
    this.capacity = capacity;
    this.#limits = new ConnectionLimits({ ...capacity, connectsPerSecond }, chat.counters);
    const registry = new ConnectionRegistry(chat, this.#limits);
    this.drain = new Drain(chat, registry, options.shutdownSeconds);
    this.gate = new Gate({ ...rules, limits: this.#limits, isDraining: () => this.drain.begun });
    this.#sockets = new Sockets(chat, registry, pingSeconds);
    this.streams = new EventStreams(chat, registry);
    this.routes = new SocketRoutes(chat, this.gate, this.#sockets, cookies, options.defaultRoom);
  }

  /** Open sockets and event streams. */
  get count(): number {
    return this.#limits.count;
  }

  /** Sockets and event streams that may be open; undefined = no limit. */
  get limit(): number | undefined {
    const { connections } = this.capacity;
    return connections === 0 ? undefined : connections;
  }

  /** Open TCP connections of the server; undefined where it is the app's around the chat. */
  get tcpCount(): number | undefined {
    return this.#countTcp?.();
  }

  /** Tells how TCP connections are counted. */
  countTcp(count: () => number): void {
    this.#countTcp = count;
  }

  /** Begins what is done regularly. */
  start(): void {
    this.#sweep = setInterval(() => this.#limits.sweep(), SWEEP_MS).unref();
    this.#sockets.start();
    this.streams.start();
  }

  /** Ends every timer. */
  stop(): void {
    clearInterval(this.#sweep);
    this.#sockets.stop();
    this.streams.stop();
  }
}
