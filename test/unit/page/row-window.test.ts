import { describe, expect, it } from "vitest";
import { HELD_ROWS_LIMIT, ROWS_LIMIT, RowWindow } from "../../../src/page/messages/row-window.ts";

/** Messages numbered from `from` to `to`. */
function numbered(from: number, to: number): readonly { readonly id: string }[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({ id: `1000-${from + index}` }));
}

/** The first and the last number that are shown. */
function shown(window: RowWindow, list: readonly { readonly id: string }[]): (string | undefined)[] {
  const part = list.slice(window.from, window.to);
  return [part[0], part.at(-1)].map((each) => each?.id.slice("1000-".length));
}

function opened(list: readonly { readonly id: string }[]): RowWindow {
  const window = new RowWindow();
  window.toEnd(list);
  return window;
}

describe("the rows in the document", () => {
  it("are all of a short list, and of a long one the end", () => {
    expect(shown(opened(numbered(1, 50)), numbered(1, 50))).toEqual(["1", "50"]);
    expect(shown(opened(numbered(1, 900)), numbered(1, 900))).toEqual(["651", "900"]);
    expect(shown(opened([]), [])).toEqual([undefined, undefined]);
  });

  it("follow what comes, and the oldest go, where the user reads the newest", () => {
    const all = numbered(1, 10_000);
    let list = all.slice(0, 200);
    const window = opened(list);
    let [most, wasAtEnd] = [0, true];
    for (let last = 201; last <= all.length; last += 1) {
      list = all.slice(Math.max(0, last - 1_000), last);
      window.follow(list, true, true);
      most = Math.max(most, window.to - window.from);
      wasAtEnd &&= window.isAtEnd;
    }
    expect(most).toBeLessThanOrEqual(ROWS_LIMIT);
    expect(wasAtEnd).toBe(true);
    expect(shown(window, list)[1]).toBe("10000");
  });

  it("stay where they are while the user reads older ones, however many come", () => {
    const window = opened(numbered(1, 900));
    window.up(true);
    const before = shown(window, numbered(1, 900));
    window.follow(numbered(1, 5_000), false, true);
    expect(shown(window, numbered(1, 5_000))).toEqual(before);
    expect(window.isAtEnd).toBe(false);
  });

  it("come at both ends as one gets there, until there are no more", () => {
    const list = numbered(1, 450);
    const window = opened(list);
    const seen: (string | undefined)[][] = [];
    while (window.up(true)) seen.push(shown(window, list));
    expect(seen).toEqual([
      ["151", "450"],
      ["101", "400"],
      ["51", "350"],
      ["1", "300"],
    ]);
    seen.length = 0;
    while (window.down(true)) seen.push(shown(window, list));
    expect(seen.at(-1)).toEqual(["151", "450"]);
    expect(window.isAtEnd).toBe(true);
  });

  it("have some of the older ones above them as soon as these are read from the server", () => {
    const window = opened(numbered(101, 150));
    window.follow(numbered(1, 150), false, true);
    expect(shown(window, numbered(1, 150))).toEqual(["51", "150"]);
    window.follow(numbered(1, 151), false, true);
    expect(shown(window, numbered(1, 151))).toEqual(["51", "151"]);
    expect(window.up(true)).toBe(true);
    expect(shown(window, numbered(1, 151))).toEqual(["1", "151"]);
  });

  it("go on behind what is dropped or withdrawn", () => {
    const window = opened(numbered(1, 250));
    window.follow(numbered(100, 250), false, true);
    expect(shown(window, numbered(100, 250))).toEqual(["100", "250"]);
    window.follow(numbered(300, 320), true, true);
    expect(shown(window, numbered(300, 320))[1]).toBe("320");
  });

  it("are not dropped while they are selected, unless that lasts for ever", () => {
    const window = opened(numbered(1, 200));
    window.follow(numbered(1, HELD_ROWS_LIMIT), true, false);
    expect(shown(window, numbered(1, HELD_ROWS_LIMIT))).toEqual(["1", String(HELD_ROWS_LIMIT)]);
    window.follow(numbered(1, HELD_ROWS_LIMIT + 1), true, false);
    expect(window.size).toBeLessThanOrEqual(ROWS_LIMIT);
  });

  it("are those of the end again when one asks for it", () => {
    const list = numbered(1, 900);
    const window = opened(list);
    while (window.up(true));
    window.toEnd();
    expect(shown(window, list)).toEqual(["651", "900"]);
  });
});
