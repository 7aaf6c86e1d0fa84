import { describe, expect, it } from "vitest";
import { LEVELS, Quotas } from "../../../src/store/quotas.ts";
import { ROOMY } from "../../contract/open-store.ts";

const NOTHING = { room: false, writer: false };
const HOUR = 3_600_000;

/** The limits of addresses whose guests are asked for here, with a store of which that share is in use. */
function growth(limits: { rooms?: number; writers?: number; bytes?: number }, use = { share: 0 }) {
  const { rooms = 0, writers = 0, bytes = 0 } = limits;
  const all = {
    ...ROOMY,
    newRoomsPerAddress: rooms,
    newWritersPerAddress: writers,
    addressBytesPerSecond: bytes,
  };
  return new Quotas(all, () => use.share);
}

const body = "x".repeat(100);

function guestOf(network: string) {
  return { user: "g-1", guest: { network }, body };
}

describe("what the guests of one address may make", () => {
  it("is five hours' new rooms at once, then one as each comes back, and as many for another address", () => {
    const limits = growth({ rooms: 2 });
    for (let i = 0; i < 10; i += 1) {
      const grant = limits.grant(guestOf("one"), 0);
      expect(grant.room).toBeUndefined();
      grant.settle({ room: true, writer: true });
    }
    const refused = { outcome: "rate-limited", limit: "new-rooms", retryAfterMs: HOUR / 2 };
    expect(limits.grant(guestOf("one"), 0)).toMatchObject({ message: undefined, room: refused });
    expect(limits.grant(guestOf("other"), 0).room).toBeUndefined();
    expect(limits.grant(guestOf("one"), HOUR / 2).room).toBeUndefined();
  });

  it("is given back where a message made nothing or was not stored", () => {
    const limits = growth({ rooms: 1, writers: 1, bytes: 10 });
    for (let i = 0; i < 100; i += 1) {
      const grant = limits.grant(guestOf("one"), 0);
      expect(grant).toMatchObject({ message: undefined, room: undefined, writer: undefined });
      grant.settle(i % 2 === 0 ? undefined : i < 10 ? NOTHING : undefined);
    }
  });

  it("is reserved while it is not known what a message made", () => {
    const limits = growth({ writers: 1 });
    const grants = Array.from({ length: 6 }, () => limits.grant(guestOf("one"), 0));
    expect(grants.map(({ writer }) => writer === undefined)).toEqual([true, true, true, true, true, false]);
    grants[0]?.settle(NOTHING);
    expect(limits.grant(guestOf("one"), 0).writer).toBeUndefined();
  });

  it("is a minute's bytes at once, and one message however large where nothing was used", () => {
    const limits = growth({ bytes: 1 });
    const large = { user: "g-1", guest: { network: "one" }, body: "x".repeat(1_000) };
    const grant = limits.grant(large, 0);
    expect(grant.message).toBeUndefined();
    grant.settle(NOTHING);
    expect(limits.grant(guestOf("one"), 0).message).toMatchObject({ limit: "address-bytes" });
  });

  it("is not limited for senders without an account, and with limits of 0", () => {
    const limits = growth({ rooms: 1 });
    for (let i = 0; i < 100; i += 1) {
      const grant = limits.grant({ user: "s-1", body }, 0);
      expect(grant.room).toBeUndefined();
      grant.settle({ room: true, writer: true });
    }
    const none = growth({});
    for (let i = 0; i < 10_000; i += 1) {
      const grant = none.grant(guestOf("one"), 0);
      expect(grant).toMatchObject({ message: undefined, room: undefined, writer: undefined });
      grant.settle({ room: true, writer: true });
    }
  });

  it("forgets addresses when there are many", () => {
    const limits = growth({ rooms: 1 });
    for (let i = 0; i < 30_000; i += 1) limits.grant(guestOf(`network${i}`), i < 20_000 ? 0 : HOUR);
    expect(limits.size).toBeLessThanOrEqual(10_000);
  });

  it("never meets 500 people behind one address who all come within a minute, each with a room of their own", () => {
    const limits = growth({ rooms: 100, writers: 300, bytes: 32_768 });
    for (let second = 0; second < 600; second += 1) {
      for (let i = 0; i < 50; i += 1) {
        const message = { user: "g-1", guest: { network: "office" }, body: "x".repeat(300) };
        const grant = limits.grant(message, second * 1_000 + i * 20);
        const first = second < 10;
        expect(grant).toMatchObject({ message: undefined, writer: undefined });
        if (first) expect(grant.room).toBeUndefined();
        grant.settle({ room: first, writer: first });
      }
    }
  });
});

describe("what one user of the site, or one program, may make", () => {
  const limits = (use = { share: 0 }) =>
    new Quotas({ ...ROOMY, newRoomsPerUser: 2, userBytesPerSecond: 10, programFactor: 3 }, () => use.share);
  const made = { room: true, writer: true };

  /** How many new rooms a sender makes at once. */
  function roomsOf(quotas: Quotas, sender: { user: string; account: "site" | "program" }, now = 0): number {
    for (let rooms = 0; ; rooms += 1) {
      const grant = quotas.grant({ ...sender, body: "x" }, now);
      grant.settle(grant.room === undefined ? made : undefined);
      if (grant.room !== undefined || rooms > 1_000) {
        expect(grant.room).toMatchObject({ outcome: "rate-limited", limit: "user-new-rooms" });
        return rooms;
      }
    }
  }

  it("is two hours' new rooms at once, then one as each comes back, and as many for every other user", () => {
    const quotas = limits();
    expect(roomsOf(quotas, { user: "s-1", account: "site" })).toBe(4);
    expect(roomsOf(quotas, { user: "s-2", account: "site" })).toBe(4);
    expect(roomsOf(quotas, { user: "s-1", account: "site" }, HOUR / 2)).toBe(1);
  });

  it("is for a program as many times as much as the setting says", () => {
    expect(roomsOf(limits(), { user: "p-1", account: "program" })).toBe(12);
  });

  it("is a minute's bytes at once, and goes on as they come back", () => {
    const quotas = limits();
    const message = (user: string, account: "site" | "program") => ({ user, account, body: "x".repeat(600) });
    quotas.grant(message("s-1", "site"), 0).settle(made);
    const refused = { outcome: "rate-limited", limit: "user-bytes", retryAfterMs: 60_000 };
    expect(quotas.grant(message("s-1", "site"), 0).message).toEqual(refused);
    expect(quotas.grant(message("s-2", "site"), 0).message).toBeUndefined();
    expect(quotas.grant(message("s-1", "site"), 60_000).message).toBeUndefined();
    for (let i = 0; i < 3; i += 1) quotas.grant(message("p-1", "program"), 0).settle(made);
    expect(quotas.grant(message("p-1", "program"), 0).message).toMatchObject({ limit: "user-bytes" });
  });

  it("is not used up by guests, and does not use up what guests may make", () => {
    const quotas = new Quotas({ ...ROOMY, newRoomsPerUser: 1, newRoomsPerAddress: 1 }, () => 0);
    expect(roomsOf(quotas, { user: "one", account: "site" })).toBe(2);
    expect(quotas.grant(guestOf("one"), 0).room).toBeUndefined();
  });

  it("is forgotten when there are many users", () => {
    const quotas = limits();
    for (let i = 0; i < 30_000; i += 1) quotas.grant({ user: `s-${i}`, account: "site", body: "x" }, 0);
    expect(quotas.size).toBeLessThanOrEqual(10_000);
  });

  it("is no new room when the store is full", () => {
    const use = { share: LEVELS.rooms + 0.001 };
    const grant = limits(use).grant({ user: "s-1", account: "site", body: "x" }, 0);
    expect(grant).toMatchObject({ message: undefined, room: { limit: "memory-rooms" }, writer: undefined });
  });
});

describe("what is refused before the space is used up", () => {
  it("is guests' new rooms first, then those who were not there, and everybody's new rooms at the end", () => {
    const use = { share: 0 };
    const limits = growth({}, use);
    const refused = (share: number) => {
      use.share = share + 0.001;
      const guest = limits.grant(guestOf("one"), 0);
      const site = limits.grant({ user: "s-1", body }, 0);
      return [guest.room, guest.writer, site.room, site.writer].map((refusal) => refusal?.limit);
    };
    expect(refused(LEVELS.tight)).toEqual([undefined, undefined, undefined, undefined]);
    expect(refused(LEVELS.guestRooms)).toEqual(["memory-rooms", undefined, undefined, undefined]);
    const guests = ["memory-rooms", "memory-writers"];
    expect(refused(LEVELS.guestWriters)).toEqual([...guests, undefined, undefined]);
    expect(refused(LEVELS.rooms)).toEqual([...guests, "memory-rooms", undefined]);
  });
});
