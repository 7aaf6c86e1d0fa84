/**
 * Bytes for a room's channel that no process stored; `chance`, a number below 1, picks the sort. None of them may be shown.
 * What is not here is an entry that continues the room's chain exactly: only who may write to Redis can
 * make one, and they could store it as well.
 */
export function forgery(room: string, chance: number): Buffer {
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
  const sorts: readonly (Buffer | string)[] = [
    Buffer.from([0xff, 0x00, 0xfe]),
    "",
    '{"id":"1-1",',
    JSON.stringify({ ...entry, id: "no id" }),
    JSON.stringify({ ...entry, room: "another" }),
    JSON.stringify({ ...entry, text: 5 }),
    Buffer.concat([Buffer.from(JSON.stringify(entry).slice(0, -2)), Buffer.from([0xff, 0x22, 0x7d])]),
    // Whole, but behind nothing that the log has.
    JSON.stringify(entry),
    JSON.stringify({ ...entry, id: "2-1" }),
    JSON.stringify({ type: "enter", instance: 7, person: "nobody" }),
    JSON.stringify([]),
  ];
  return Buffer.from(sorts[Math.floor(chance * sorts.length)] ?? "");
}
