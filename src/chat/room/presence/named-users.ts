import type { RoomUser } from "../../../store/store.ts";

/**
 * Returns the users of a room who are told by name, `limit` at most. Where there are more users, the networks that guests come from share
 * the names equally: all of a small network's, and of a larger one those with the lowest ids, so that every process chooses the
 * same. A user without a network counts as a network. With more than `limit` networks nobody is named. Users of small networks come first.
 */
export function namedUsers(users: Iterable<RoomUser>, limit: number): RoomUser[] {
  const networks = [...byNetwork(users).values()].sort((one, other) => one.length - other.length);
  const share = equalShare(
    networks.map(({ length }) => length),
    limit,
  );
  const named: RoomUser[] = [];
  for (const group of networks) {
    if (group.length > share) group.sort((one, other) => (one.id < other.id ? -1 : 1));
    named.push(...group.slice(0, share));
  }
  return named;
}

/** Tells the networks of users apart: a user without one is alone in theirs. No id of a user is taken for a digest of a network. */
export function networkKey({ id, network }: RoomUser): string {
  return network === undefined ? `user ${id}` : `network ${network}`;
}

function byNetwork(users: Iterable<RoomUser>): Map<string, RoomUser[]> {
  const networks = new Map<string, RoomUser[]>();
  for (const user of users) {
    const key = networkKey(user);
    const group = networks.get(key);
    if (group === undefined) networks.set(key, [user]);
    else group.push(user);
  }
  return networks;
}

/**
 * Returns the largest number of which each size may take as much without the sum passing `limit`; 0 where not even one each is possible.
 * `sizes`: the smallest first.
 */
function equalShare(sizes: readonly number[], limit: number): number {
  let left = limit;
  let waiting = sizes.length;
  for (const size of sizes) {
    const share = Math.floor(left / waiting);
    if (size > share) return share;
    left -= size;
    waiting -= 1;
  }
  return limit;
}
