import type { MessageLimit, StoreLimits } from "./store.ts";

/** Each limit of guests allows at once what it allows in this time, ms. */
export const GUEST_BURST_MS = 5_000;

/** Messages that a guest may store at once in a room where nothing is known of them: guests are made without end. */
export const NEW_GUEST_BURST = 2;

/** Messages by which a count may be wrong: what is stored has a resolution of a quarter of a microsecond. */
const ROUNDING = 0.01;

/** What the limits of guests come to. append.lua is told the same. */
export interface GuestBounds {
  /** Messages that an address may store at once, 5 or more; 0 = no limit. */
  readonly addressBurst: number;
  /** An address's count that is higher can only be because the clock was set back. */
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
    // Without a limit per address: what takes a minute to decay.
    highestCount: addressBurst > 0 ? addressBurst + 1 : Math.exp(60_000 / GUEST_BURST_MS),
    roomIntervalMs: room > 0 ? 1_000 / room : 0,
  };
}

/** Why a guest's message is not stored now. */
export interface GuestRefusal {
  readonly limit: MessageLimit;
  readonly retryAfterMs: number;
}

/** How much of its guests' limit a room has used. */
export class RoomGuests {
  /** When nothing of it is used any more, ms. */
  fullAt = 0;
}

/**
 * What guests may store: those of one address over all rooms, and all those of one room. The embedded store's half of what append.lua
 * does; that script's header describes both numbers and why a room divides what it has evenly among addresses.
 */
export class GuestLimits {
  readonly #bounds: GuestBounds;
  /** When one message is left of what an address stored, ms, by network. Emptied by `sweep`. */
  readonly #levels = new Map<string, number>();

  constructor(limits: StoreLimits) {
    this.#bounds = guestBounds(limits);
  }

  /** Addresses of which something is known. */
  get size(): number {
    return this.#levels.size;
  }

  /** Returns why one more message is refused; undefined = it is not. Changes nothing. */
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

  /** A message was stored. */
  stored(room: RoomGuests, network: string, now: number): void {
    const { addressBurst, roomIntervalMs } = this.#bounds;
    if (addressBurst === 0 && roomIntervalMs === 0) return;
    room.fullAt = this.#nextFullAt(room, now);
    this.#levels.set(network, now + GUEST_BURST_MS * Math.log(this.#countOf(network, now) + 1));
  }

  /** Forgets the addresses of which less than a seventh of a message is left. */
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
