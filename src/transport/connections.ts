import type { FastifyRequest } from "fastify";
import type { Chat } from "../chat/chat.ts";
import type { AppUsers } from "../chat/identity.ts";
import type { Capacity } from "./capacity.ts";
import { ConnectionLimits } from "./connection-limits.ts";
import { ConnectionRegistry } from "./connection-registry.ts";
import type { ChatCookies } from "./cookies/chat-cookies.ts";
import { Drain } from "./drain.ts";
import { Gate, type GateRules } from "./gate.ts";
import { EventStreams } from "./sse/event-streams.ts";
import { SocketRoutes } from "./websocket/socket-routes.ts";
import { Sockets } from "./websocket/sockets.ts";

/** How often addresses without recent connections are forgotten, ms. */
const SWEEP_MS = 5_000;

export interface ConnectionOptions {
  readonly capacity: Capacity;
  /** Connections opened per second and address; 0 = no limit. */
  readonly connectsPerSecondPerAddress: number;
  readonly pingSeconds: number;
  readonly defaultRoom: string;
  readonly shutdownSeconds: number;
}

/** Dependencies of `Connections`. */
export interface ConnectionDeps extends Pick<GateRules, "addresses" | "hosts" | "origins" | "overload"> {
  readonly cookies: ChatCookies;
  /** Undefined = the embedding app does not say who its users are. */
  readonly appUsers: AppUsers<FastifyRequest> | undefined;
}

/**
 * All sockets and event streams of this process: their admission, their limits, their registry and their
 * drain.
 */
export class Connections {
  readonly capacity: Capacity;
  readonly gate: Gate;
  readonly drain: Drain;
  /** The routes of sockets. */
  readonly routes: SocketRoutes;
  readonly streams: EventStreams;
  readonly #limits: ConnectionLimits;
  readonly #sockets: Sockets;
  #sweep: NodeJS.Timeout | undefined;
  #countTcp: (() => number) | undefined;

  constructor(chat: Chat, options: ConnectionOptions, { cookies, appUsers, ...rules }: ConnectionDeps) {
    const { capacity, connectsPerSecondPerAddress: connectsPerSecond, pingSeconds } = options;
    this.capacity = capacity;
    this.#limits = new ConnectionLimits({ ...capacity, connectsPerSecond }, chat.counters);
    const registry = new ConnectionRegistry(chat, this.#limits);
    this.drain = new Drain(chat, registry, options.shutdownSeconds);
    this.gate = new Gate({ ...rules, limits: this.#limits, isDraining: () => this.drain.begun });
    this.#sockets = new Sockets(chat, registry, pingSeconds);
    this.streams = new EventStreams(chat, registry);
    const { defaultRoom } = options;
    this.routes = new SocketRoutes(chat, this.gate, this.#sockets, { cookies, appUsers, defaultRoom });
  }

  /** Number of open sockets and event streams. */
  get count(): number {
    return this.#limits.count;
  }

  /** How many sockets and event streams may be open; undefined = no limit. */
  get limit(): number | undefined {
    const { connections } = this.capacity;
    return connections === 0 ? undefined : connections;
  }

  /** Number of open TCP connections of the server; undefined if the server belongs to an embedding app. */
  get tcpCount(): number | undefined {
    return this.#countTcp?.();
  }

  /** Sets the function that counts TCP connections. */
  countTcp(count: () => number): void {
    this.#countTcp = count;
  }

  /** Starts the timers. */
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
