import { describe, expect, it } from "vitest";
import { GuestQuotas, LEVELS } from "../../../src/store/guest-quotas.ts";
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
  return new GuestQuotas(all, () => use.share);
}

const body = "x".repeat(100);

function guestOf(network: string) {
  return { guest: { network }, body };
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
    const large = { guest: { network: "one" }, body: "x".repeat(1_000) };
    const grant = limits.grant(large, 0);
    expect(grant.message).toBeUndefined();
    grant.settle(NOTHING);
    expect(limits.grant(guestOf("one"), 0).message).toMatchObject({ limit: "address-bytes" });
  });

  it("is not limited for people of the site and programs, and with limits of 0", () => {
    const limits = growth({ rooms: 1 });
    for (let i = 0; i < 100; i += 1) {
      const grant = limits.grant({ body }, 0);
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
        const message = { guest: { network: "office" }, body: "x".repeat(300) };
        const grant = limits.grant(message, second * 1_000 + i * 20);
        const first = second < 10;
        expect(grant).toMatchObject({ message: undefined, writer: undefined });
        if (first) expect(grant.room).toBeUndefined();
        grant.settle({ room: first, writer: first });
      }
    }
  });
});

describe("what is refused before the space is used up", () => {
  it("is guests' new rooms first, then those who were not there, and everybody's new rooms at the end", () => {
    const use = { share: 0 };
    const limits = growth({}, use);
    const refused = (share: number) => {
      use.share = share + 0.001;
      const guest = limits.grant(guestOf("one"), 0);
      const site = limits.grant({ body }, 0);
      return [guest.room, guest.writer, site.room, site.writer].map((refusal) => refusal?.limit);
    };
    expect(refused(LEVELS.tight)).toEqual([undefined, undefined, undefined, undefined]);
    expect(refused(LEVELS.guestRooms)).toEqual(["memory-rooms", undefined, undefined, undefined]);
    const guests = ["memory-rooms", "memory-writers"];
    expect(refused(LEVELS.guestWriters)).toEqual([...guests, undefined, undefined]);
    expect(refused(LEVELS.rooms)).toEqual([...guests, "memory-rooms", undefined]);
  });
});
