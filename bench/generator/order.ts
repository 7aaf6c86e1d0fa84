import { Histogram } from "../histogram.ts";
import { senderOf } from "./mark.ts";

/**
 * The order in which one server process shows messages, as the first client to see each of them found
 * it. A client that follows it needs one number, its place: that keeps counting exact and cheap at a million deliveries per second.
 */
export class Order {
  readonly #numbers: number[] = [];
  readonly #sentAt: number[] = [];
  readonly #known = new Set<number>();
  readonly #lastOf = new Map<number, number>();
  readonly latency: Histogram;
  /** Messages sent before this time, µs, are warm-up: counted as missing or not, but not measured. */
  measureFrom = Number.POSITIVE_INFINITY;
  delivered = 0;
  measured = 0;

  constructor(latency = new Histogram()) {
    this.latency = latency;
  }

  get length(): number {
    return this.#numbers.length;
  }

  numberAt(place: number): number | undefined {
    return this.#numbers[place];
  }

  /** Puts a message last. False, and nothing is done: it was there before, or one of its sender's later ones was. */
  extend(number: number, sentAt: number): boolean {
    const sender = senderOf(number);
    if (this.#known.has(number) || number < (this.#lastOf.get(sender) ?? -1)) return false;
    this.#known.add(number);
    this.#lastOf.set(sender, number);
    this.#numbers.push(number);
    this.#sentAt.push(sentAt);
    return true;
  }

  /** Somebody got the `count` messages from `place` on at that time. */
  count(place: number, count: number, now: number): void {
    for (let i = place; i < place + count; i += 1) this.countOne(this.#sentAt[i] ?? 0, now);
  }

  countOne(sentAt: number, now: number): void {
    this.delivered += 1;
    if (sentAt < this.measureFrom) return;
    this.measured += 1;
    this.latency.add(now - sentAt);
  }
}

/** What one client has seen. */
export interface Sight {
  /** Different messages. */
  readonly seen: number;
  readonly doubled: number;
  /** Messages that came after a later one of the same sender. */
  readonly disordered: number;
}

/** One client's place in an order; leaves it, and is counted on its own, when it sees anything else. */
export class Follower {
  readonly order: Order;
  place: number;
  readonly #from: number;
  #apart: Apart | undefined;

  constructor(order: Order) {
    this.order = order;
    this.place = order.length;
    this.#from = order.length;
  }

  get follows(): boolean {
    return this.#apart === undefined;
  }

  get sight(): Sight {
    return this.#apart?.sight ?? { seen: this.place - this.#from, doubled: 0, disordered: 0 };
  }

  see(number: number, sentAt: number, now: number): void {
    this.order.countOne(sentAt, now);
    if (this.#apart !== undefined) this.#apart.see(number);
    else if (this.order.numberAt(this.place) === number) this.place += 1;
    else if (this.place === this.order.length && this.order.extend(number, sentAt)) this.place += 1;
    else this.#leaveWith(number);
  }

  /** Sees the next `count` messages of the order. */
  advance(count: number, now: number): void {
    this.order.count(this.place, count, now);
    this.place += count;
  }

  #leaveWith(number: number): void {
    this.#apart = new Apart();
    for (let place = this.#from; place < this.place; place += 1) {
      this.#apart.see(this.order.numberAt(place) ?? 0);
    }
    this.#apart.see(number);
  }
}

/** Exact counting without an order to follow. */
class Apart {
  readonly #seen = new Set<number>();
  readonly #lastOf = new Map<number, number>();
  #doubled = 0;
  #disordered = 0;

  get sight(): Sight {
    return { seen: this.#seen.size, doubled: this.#doubled, disordered: this.#disordered };
  }

  see(number: number): void {
    const sender = senderOf(number);
    if (this.#seen.has(number)) {
      this.#doubled += 1;
      return;
    }
    this.#seen.add(number);
    if (number < (this.#lastOf.get(sender) ?? -1)) this.#disordered += 1;
    else this.#lastOf.set(sender, number);
  }
}
