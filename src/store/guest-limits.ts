import type { MessageLimit, StoreLimits } from "./store.ts";

/** Milliseconds whose messages each limit of guests allows at once. */
export const GUEST_BURST_MS = 5_000;

/**
 * Messages that a guest may store at once in a room that does not remember them, because guests can be made
 * without end.
 */
export const NEW_GUEST_BURST = 2;

/**
 * Messages by which a count may be wrong, because the stored time has a resolution of a quarter of a
 * microsecond.
 */
const ROUNDING = 0.01;

/** The limits of guests as append.lua and the memory store use them. */
export interface GuestBounds {
  /** Messages that an address may store at once, 5 or more; 0 = no limit. */
  readonly addressBurst: number;
  /** The highest possible count of an address; a higher one means that the clock was set back. */
  readonly highestCount: number;
  /** Milliseconds that each message costs its room; 0 = no limit. */
  readonly roomIntervalMs: number;
}

export function guestBounds(
  limits: Pick<StoreLimits, "addressMessagesPerSecond" | "roomGuestMessagesPerSecond">,
): GuestBounds {
  const { addressMessagesPerSecond: address, roomGuestMessagesPerSecond: room } = limits;
  const addressBurst = address > 0 ? (address * GUEST_BURST_MS) / 1_000 + ROUNDING : 0;
  return {
    addressBurst,
    // Without a limit per address: a count that takes a minute to decay.
    highestCount: addressBurst > 0 ? addressBurst + 1 : Math.exp(60_000 / GUEST_BURST_MS),
    roomIntervalMs: room > 0 ? 1_000 / room : 0,
  };
}

/** The limit that refuses a guest's message, and when to try again. */
export interface GuestRefusal {
  readonly limit: MessageLimit;
  readonly retryAfterMs: number;
}

/** The used part of a room's limit of guests. */
export class RoomGuests {
  /** Time at which the whole limit is free again, ms. */
  fullAt = 0;
}

/**
 * Limits the messages of guests: of one address over all rooms, and of all guests of one room. The memory
 * store's version of what append.lua does; that script's header describes both numbers, and how a room
 * divides its limit evenly among addresses.
 */
export class GuestLimits {
  readonly #bounds: GuestBounds;
  /** Time at which an address's count has decayed to one message, ms, by network. Emptied by `sweep`. */
  readonly #levels = new Map<string, number>();

  constructor(limits: StoreLimits) {
    this.#bounds = guestBounds(limits);
  }

  /** Addresses with a count. */
  get size(): number {
    return this.#levels.size;
  }

  /** Returns why one more message is refused; undefined if it is not. Changes nothing. */
  refusal(room: RoomGuests, network: string, now: number): GuestRefusal | undefined {
    const { addressBurst, roomIntervalMs } = this.#bounds;
    const count = this.#countOf(network, now);
    if (addressBurst > 0 && count + 1 > addressBurst) {
      const waitMs = GUEST_BURST_MS * Math.log(count / (addressBurst - 1));
      return { limit: "address", retryAfterMs: Math.ceil(waitMs) };
    }
    if (roomIntervalMs === 0) return undefined;
    const waitMs = this.#nextFullAt(room, now) - now + roomIntervalMs * count - GUEST_BURST_MS;
    return waitMs > 0 ? { limit: "room", retryAfterMs: Math.ceil(waitMs) } : undefined;
  }

  /** Counts a stored message. */
  stored(room: RoomGuests, network: string, now: number): void {
    const { addressBurst, roomIntervalMs } = this.#bounds;
    if (addressBurst === 0 && roomIntervalMs === 0) return;
    room.fullAt = this.#nextFullAt(room, now);
    this.#levels.set(network, now + GUEST_BURST_MS * Math.log(this.#countOf(network, now) + 1));
  }

  /** Forgets the addresses whose count has decayed below a seventh of a message. */
  sweep(now: number): void {
    for (const [network, level] of this.#levels) {
      if (level + 2 * GUEST_BURST_MS < now) this.#levels.delete(network);
    }
  }

  #countOf(network: string, now: number): number {
    const level = this.#levels.get(network) ?? Number.NEGATIVE_INFINITY;
    const count = Math.exp((level - now) / GUEST_BURST_MS);
    return count > this.#bounds.highestCount ? 0 : count;
  }

  #nextFullAt({ fullAt }: RoomGuests, now: number): number {
    const { roomIntervalMs } = this.#bounds;
    const known = fullAt > now + GUEST_BURST_MS + roomIntervalMs ? now : fullAt;
    return Math.max(known, now) + roomIntervalMs;
  }
}
