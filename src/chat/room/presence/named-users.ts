import type { RoomUser } from "../../../store/store.ts";

/**
 * Returns the users of a room whom clients are told by name, at most `limit`. If there are more users, the
 * networks of the guests share the names equally: a small network gets all of its users named, a larger one
 * those with the lowest ids, so that every process makes the same choice. A user without a network counts as
 * a network. With more than `limit` networks no user is named. Users of small networks come first.
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

/**
 * Returns a key for the network of a user. A user without a network gets a key of their own; the prefix keeps
 * user ids apart from digests of networks.
 */
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
 * Returns the largest share for which the sum of `min(size, share)` over all sizes does not exceed `limit`; 0
 * if there are more sizes than `limit`.
 * @param sizes the smallest first.
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
