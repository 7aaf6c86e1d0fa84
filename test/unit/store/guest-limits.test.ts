import { describe, expect, it } from "vitest";
import { GuestLimits, RoomGuests } from "../../../src/store/guest-limits.ts";
import { ROOMY } from "../../contract/open-store.ts";

const START = Date.UTC(2026, 0, 1);
const DEFAULTS = { ...ROOMY, addressMessagesPerSecond: 60, roomGuestMessagesPerSecond: 100 };

/** Those who try to store something in a room, all at once every `everyMs`. */
interface Sender {
  readonly network: string;
  readonly everyMs: number;
  readonly atOnce: number;
}

interface Outcome {
  stored: number;
  refused: number;
}

/** Lets senders try for some seconds in one room, and returns what became of each one's messages. */
function tryFor(seconds: number, senders: readonly Sender[]): Outcome[] {
  const limits = new GuestLimits(DEFAULTS);
  const room = new RoomGuests();
  const tries = senders.map((sender) => ({ ...sender, stored: 0, refused: 0 }));
  for (let now = START; now < START + seconds * 1_000; now += 1)
    for (const each of tries)
      if ((now - START) % each.everyMs === 0)
        tryOnce(each, (network) => storedBy(limits, room, network, now));
  return tries.map(({ stored, refused }) => ({ stored, refused }));
}

function tryOnce(sender: Sender & Outcome, isStored: (network: string) => boolean): void {
  for (let i = 0; i < sender.atOnce; i += 1) sender[isStored(sender.network) ? "stored" : "refused"] += 1;
}

/** Stores a message where it may be stored. */
function storedBy(limits: GuestLimits, room: RoomGuests, network: string, now: number): boolean {
  if (limits.refusal(room, network, now) !== undefined) return false;
  limits.stored(room, network, now);
  return true;
}

/** One that tries a thousand times per second. */
function attacker(network: string): Sender {
  return { network, everyMs: 1, atOnce: 1 };
}

describe("the limits of guests", () => {
  it("never meet 500 people behind one address who speak 50 times per second in one room", () => {
    const [office] = tryFor(60, [{ network: "office", everyMs: 1_000, atOnce: 50 }]);
    expect(office).toEqual({ stored: 3_000, refused: 0 });
  });

  it("hold one address to its rate and one burst", () => {
    const [one] = tryFor(60, [attacker("one")]);
    expect(one?.stored).toBeGreaterThan(60 * 60);
    expect(one?.stored).toBeLessThanOrEqual(60 * 60 + 300);
  });

  it("hold a room to its rate and one burst, and use all of it, however many addresses try", () => {
    const outcomes = tryFor(
      60,
      Array.from({ length: 20 }, (_, i) => attacker(`${i}`)),
    );
    const stored = outcomes.reduce((sum, outcome) => sum + outcome.stored, 0);
    expect(stored).toBeGreaterThan(100 * 60);
    expect(stored).toBeLessThanOrEqual(100 * 60 + 500);
  });

  it("give each of n addresses that try without end 1/n of a room, none of it to those who try more often", () => {
    const outcomes = tryFor(60, [
      { network: "eager", everyMs: 1, atOnce: 10 },
      attacker("a"),
      attacker("b"),
      { network: "seldom", everyMs: 10, atOnce: 1 },
    ]);
    for (const { stored } of outcomes) expect(stored / 60).toBeCloseTo(100 / 4, -1);
  });

  it("do not meet an address that wants less than its share of a room at which others try without end", () => {
    const attackers = Array.from({ length: 8 }, (_, i) => attacker(`${i}`));
    const [home] = tryFor(60, [{ network: "home", everyMs: 1_000, atOnce: 5 }, ...attackers]);
    expect(home).toEqual({ stored: 300, refused: 0 });
  });

  it("leave 500 people of one address half of a room that another address tries to fill", () => {
    const [office] = tryFor(60, [{ network: "office", everyMs: 20, atOnce: 1 }, attacker("other")]);
    expect(office?.stored).toBeGreaterThan(0.95 * 3_000);
  });

  it("let an address store again exactly when they said", () => {
    const limits = new GuestLimits(DEFAULTS);
    const room = new RoomGuests();
    const elsewhere = () => new RoomGuests();
    for (let i = 0; i < 300; i += 1) {
      const where = i % 2 === 0 ? room : elsewhere();
      expect(limits.refusal(where, "one", START), `the message ${i}`).toBeUndefined();
      limits.stored(where, "one", START);
    }
    const refusal = limits.refusal(elsewhere(), "one", START);
    expect(refusal).toEqual({ limit: "address", retryAfterMs: 17 });
    expect(limits.refusal(elsewhere(), "one", START + 16)).toMatchObject({ retryAfterMs: 1 });
    expect(limits.refusal(elsewhere(), "one", START + 17)).toBeUndefined();
  });

  it("let everybody speak again when the clock was set back", () => {
    const limits = new GuestLimits(DEFAULTS);
    const room = new RoomGuests();
    for (let i = 0; i < 250; i += 1) limits.stored(room, "one", START);
    expect(limits.refusal(room, "one", START)).toMatchObject({ limit: "room" });
    expect(limits.refusal(room, "one", START - 3_600_000)).toBeUndefined();
  });

  it("forget an address a minute after it was silent", () => {
    const limits = new GuestLimits(DEFAULTS);
    for (let i = 0; i < 300; i += 1) limits.stored(new RoomGuests(), `${i}`, START);
    for (let i = 0; i < 250; i += 1) limits.stored(new RoomGuests(), "busy", START);
    limits.sweep(START + 15_000);
    expect(limits.size).toBe(1);
    limits.sweep(START + 60_000);
    expect(limits.size).toBe(0);
  });
});
