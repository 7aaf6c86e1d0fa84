import { describe, expect, it } from "vitest";
import { entriesAfter, isComplete } from "../../../../src/chat/room/entry-reader.ts";
import { BEGINNING } from "../../../../src/protocol/ids.ts";
import type { Entry } from "../../../../src/store/store.ts";

/** A chain `1-1` … `9-1`, read from somewhere on. */
function chain(first: number, last: number): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const at = first + i;
    return { id: `${at}-1`, prev: at === 1 ? BEGINNING : `${at - 1}-1`, frame: Buffer.alloc(0) };
  });
}

describe("whether a stream continues after a cursor", () => {
  it.each([
    ["the cursor is the first entry read", "3-1", chain(3, 5), true],
    ["the cursor is the newest entry: nothing was missed", "5-1", chain(5, 5), true],
    ["the cursor was trimmed, and the next entry is the oldest", "3-1", chain(4, 5), true],
    ["the cursor and the entry after it were trimmed", "2-1", chain(4, 5), false],
    ["the cursor was never in this room", "3-2", chain(4, 5), false],
    ["the cursor is of the same millisecond as the first entry, and another", "4-0", chain(4, 5), false],
    ["the cursor is ahead of the store", "9-1", [], false],
    ["the room is empty, and the cursor is the beginning", BEGINNING, [], true],
    ["the room expired, and the cursor is of its past", "3-1", [], false],
    ["the store is whole, and the cursor is the beginning", BEGINNING, chain(1, 3), true],
    ["the oldest were trimmed, and the cursor is the beginning", BEGINNING, chain(2, 3), false],
  ])("%s", (_case, after, read, complete) => {
    expect(isComplete(after, read)).toBe(complete);
  });

  it("leaves the cursor's own entry out of what is after it", () => {
    expect(entriesAfter("3-1", chain(3, 5)).map(({ id }) => id)).toEqual(["4-1", "5-1"]);
    expect(entriesAfter("3-1", chain(4, 5)).map(({ id }) => id)).toEqual(["4-1", "5-1"]);
  });
});
