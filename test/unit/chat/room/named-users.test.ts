import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { namedUsers } from "../../../../src/chat/room/presence/named-users.ts";
import type { RoomUser } from "../../../../src/store/store.ts";

function guests(count: number, network: string | undefined): RoomUser[] {
  return Array.from({ length: count }, (_, n) => ({ id: `${network}-${n}`, handle: "Guest", network }));
}

function perNetwork(named: readonly RoomUser[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { network = "none" } of named) counts[network] = (counts[network] ?? 0) + 1;
  return counts;
}

describe("the users of a room who are told by name", () => {
  it("are all of up to 200, whatever network they come from", () => {
    expect(namedUsers(guests(200, "office"), 200)).toHaveLength(200);
  });

  it.each([
    [
      { office: 150, attacker: 800 },
      { office: 100, attacker: 100 },
    ],
    [
      { office: 50, attacker: 800 },
      { office: 50, attacker: 150 },
    ],
    [
      { home: 1, office: 500, attacker: 800 },
      { home: 1, office: 99, attacker: 99 },
    ],
    [{ office: 500 }, { office: 200 }],
  ])("are shared equally by the networks where there are more: %o", (sizes, shares) => {
    const users = Object.entries(sizes).flatMap(([network, count]) => guests(count, network));
    expect(perNetwork(namedUsers(users, 200))).toEqual(shares);
  });

  it("are first of all the users of the site and of programs, each of whom counts as a network", () => {
    const users = [...guests(300, "attacker"), ...guests(120, undefined)];
    const named = namedUsers(users, 200);
    expect(perNetwork(named)).toEqual({ none: 120, attacker: 80 });
    expect(perNetwork(named.slice(0, 120))).toEqual({ none: 120 });
  });

  it("are none where there are more networks than names", () => {
    expect(namedUsers(guests(201, undefined), 200)).toEqual([]);
  });

  it("are never more than 200, and the same on every process", () => {
    const user = fc.record({ id: fc.nat(2_000).map(String), network: fc.option(fc.nat(300).map(String)) });
    const room = fc.uniqueArray(user, { selector: ({ id }) => id, minLength: 150, maxLength: 500 });
    fc.assert(
      fc.property(room, fc.infiniteStream(fc.nat()), (found, random) => {
        const users = found.map(({ id, network }) => ({ id, handle: "x", network: network ?? undefined }));
        const order = new Map(users.map((one) => [one.id, Number(random.next().value)]));
        const other = [...users].sort((one, two) => Number(order.get(one.id)) - Number(order.get(two.id)));
        const ids = (list: readonly RoomUser[]) =>
          namedUsers(list, 200)
            .map(({ id }) => id)
            .sort();
        expect(ids(other)).toEqual(ids(users));
        expect(ids(users).length).toBeLessThanOrEqual(200);
      }),
      { numRuns: 50, endOnFailure: true },
    );
  });
});
