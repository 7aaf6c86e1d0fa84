/**
 * Bytes for a room's channel that no process stored; `chance`, a number below 1, picks the sort. None of them may be shown, also
 * where they continue after `head`, the newest id of the room's stream.
 */
export function forgery(room: string, chance: number, head: string): Buffer {
  const entry = {
    id: `${Date.now() + 1_000}-7`,
    prev: "1-1",
    type: "message",
    room,
    user: "forger",
    handle: "forger",
    text: "forged",
    key: "forged",
  };
  const { id: _id, prev: _prev, ...rest } = entry;
  const sorts: readonly (Buffer | string)[] = [
    Buffer.from([0xff, 0x00, 0xfe]),
    "",
    '{"id":"1-1",',
    JSON.stringify({ ...entry, id: "no id" }),
    JSON.stringify({ ...entry, room: "another" }),
    JSON.stringify({ ...entry, text: 5 }),
    Buffer.concat([Buffer.from(JSON.stringify(entry).slice(0, -2)), Buffer.from([0xff, 0x22, 0x7d])]),
    // Whole, but behind nothing that the store has.
    JSON.stringify(entry),
    JSON.stringify({ ...entry, id: "2-1" }),
    // Whole, and where the chain goes on: what is wrong is that no tag, or a wrong one, shows where it comes from.
    JSON.stringify({ ...entry, prev: head }),
    JSON.stringify({ id: entry.id, prev: head, tag: "0123456789abcdef", ...rest }),
    JSON.stringify({ type: "enter", instance: 7, person: "nobody" }),
    JSON.stringify([]),
  ];
  return Buffer.from(sorts[Math.floor(chance * sorts.length)] ?? "");
}
