import { setTimeout as sleep } from "node:timers/promises";
import { Histogram } from "../histogram.ts";
import { monotonicMicros } from "../monotonic.ts";
import type {
  ConnectCall,
  Connected,
  Endings,
  GeneratorCalls,
  Seen,
  SendCall,
  Sent,
  SettleCall,
  Target,
} from "./calls.ts";
import { Client, type ClientListener } from "./client.ts";
import { DIALECTS } from "./dialects.ts";
import { markedText, messageNumber } from "./mark.ts";
import { Follower, Order } from "./order.ts";
import { paced } from "./pace.ts";

/** Milliseconds within which a crowd must connect. */
const CONNECT_MS = 60_000;
const POLL_MS = 5;
/** Ids of acked messages that are kept; a returning client requests the messages after one of them. */
const IDS_KEPT = 32;

/** The clients of one generator process. */
export class Crowd implements GeneratorCalls, ClientListener {
  #clients: Client[] = [];
  #stalled: readonly Client[] = [];
  readonly #latency = new Histogram();
  #orders = new Map<string, Order>();
  /** Tells this crowd's keys from those of the one before it on the same servers. */
  readonly #epoch = Math.random().toString(36).slice(2, 8);
  #ready = 0;
  #failed = 0;
  #recovered = 0;
  #acked = 0;
  #refused = 0;
  #newestIds: string[] = [];
  readonly #ended = new Map<Client, number>();
  #cpuBefore = process.cpuUsage();

  async connect({ sockets, parallel, ...call }: ConnectCall): Promise<Connected> {
    const began = performance.now();
    this.#ready = 0;
    this.#failed = 0;
    this.#recovered = 0;
    this.#orders = new Map();
    while (this.#ready + this.#failed < sockets && performance.now() - began < CONNECT_MS) {
      while (this.#clients.length < sockets && this.#clients.length - this.#ready - this.#failed < parallel) {
        this.#clients.push(this.#client(call, this.#clients.length));
      }
      await sleep(1);
    }
    const ms = performance.now() - began;
    return { ms, failed: sockets - this.#ready, recovered: this.#recovered };
  }

  async send(call: SendCall): Promise<Sent> {
    for (const order of this.#orders.values()) order.measureFrom = call.measureFrom;
    this.#stalled = call.stalled === 0 ? [] : this.#clients.slice(-call.stalled);
    for (const client of this.#stalled) client.stall();
    await sleep(Math.max(0, (call.startAt - monotonicMicros()) / 1_000));
    this.#cpuBefore = process.cpuUsage();
    const senders = this.#clients.slice(0, call.senders);
    const messages = await paced(call.stretches, (index) => {
      const number = messageNumber(
        call.firstSender + (index % senders.length),
        Math.floor(index / senders.length),
      );
      const text = markedText(number, monotonicMicros(), call.textBytes);
      senders[index % senders.length]?.say(text, `${this.#epoch}-${number}`);
    });
    return { messages };
  }

  async settle({ messages, timeoutMs }: SettleCall): Promise<Seen> {
    const readers = this.#clients.filter((client) => !this.#stalled.includes(client));
    const deadline = performance.now() + timeoutMs;
    while (
      performance.now() < deadline &&
      readers.some((client) => client.follower.sight.seen < messages && !this.#ended.has(client))
    ) {
      await sleep(POLL_MS);
    }
    const sights = readers.map((client) => client.follower.sight);
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    return {
      deliveries: sum([...this.#orders.values()].map((order) => order.delivered)),
      measured: sum([...this.#orders.values()].map((order) => order.measured)),
      missing: sum(sights.map(({ seen }) => messages - seen)),
      doubled: sum(sights.map(({ doubled }) => doubled)),
      disordered: sum(sights.map(({ disordered }) => disordered)),
      acked: this.#acked,
      newestIds: this.#newestIds,
      refused: this.#refused,
      lostClients: readers.filter((client) => this.#ended.has(client)).length,
      latency: this.#latency.counts,
      cpuMicros: user + system,
    };
  }

  async resume(ms: number): Promise<Endings> {
    for (const client of this.#stalled) client.resume();
    const deadline = performance.now() + ms;
    while (performance.now() < deadline && this.#stalled.some((client) => !this.#ended.has(client))) {
      await sleep(POLL_MS);
    }
    const endings: Record<string, number> = {};
    for (const client of this.#stalled) {
      const code = this.#ended.get(client);
      if (code !== undefined) endings[code] = (endings[code] ?? 0) + 1;
    }
    return endings;
  }

  async cut(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.#clients = [];
    this.#stalled = [];
    this.#ended.clear();
  }

  ready(_client: Client, recovered: number): void {
    this.#ready += 1;
    this.#recovered += recovered;
  }

  acked(id: string | undefined): void {
    this.#acked += 1;
    if (id === undefined) return;
    this.#newestIds.push(id);
    if (this.#newestIds.length > IDS_KEPT) this.#newestIds.shift();
  }

  refused(): void {
    this.#refused += 1;
  }

  ended(client: Client, code: number): void {
    if (!client.wasReady) this.#failed += 1;
    this.#ended.set(client, code);
  }

  #client(
    { dialect, targets, rooms, after }: Omit<ConnectCall, "sockets" | "parallel">,
    index: number,
  ): Client {
    const target = targets[index % targets.length];
    if (target === undefined) throw new Error("no server to connect to");
    const room = rooms === 1 ? "lobby" : `room-${Math.floor(index / targets.length) % rooms}`;
    const follower = new Follower(this.#orderOf(target, room));
    return new Client({ ...target, dialect: DIALECTS[dialect], room, after, follower }, this);
  }

  /** Where a message is shown before it went through Redis, each process has an order of its own. */
  #orderOf({ host, port }: Target, room: string): Order {
    const name = `${host}:${port} ${room}`;
    const order = this.#orders.get(name) ?? new Order(this.#latency);
    this.#orders.set(name, order);
    return order;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
