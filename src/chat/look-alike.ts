import { LIMITS } from "../protocol.ts";

/** Letters of other scripts, and digits, that a reader takes for the Latin letter. */
const CONFUSABLE = new Map(
  Object.entries({
    a: "аα",
    b: "ьЬв",
    c: "сϲ",
    d: "ԁ",
    e: "еε",
    g: "ɡ",
    h: "һн",
    i: "іιıl1|!",
    j: "ј",
    k: "кκ",
    m: "м",
    n: "пη",
    o: "оο0",
    p: "рρ",
    q: "ԛ",
    s: "ѕ5$",
    t: "тτ",
    u: "υս",
    v: "ѵν",
    w: "ԝω",
    x: "хχ",
    y: "уγ",
    z: "ᴢ2",
  }).flatMap(([latin, others]) => [...others].map((other): [string, string] => [other, latin])),
);

/** What a reader sees of a handle at a glance: equal for two handles that are easily taken for each other. */
export function skeleton(handle: string): string {
  const plain = handle.normalize("NFKD").toLowerCase();
  // A handle of nothing but marks and punctuation is only like itself.
  const bare = plain.replace(/[\p{M}\p{P}\p{Z}]/gu, "") || plain;
  return Array.from(bare, (letter) => CONFUSABLE.get(letter) ?? letter).join("");
}

/** Numbers tried before the suffix is made from the user's id. */
const NUMBERS_TRIED = 20;

/**
 * `handle` if no other user of the room looks like it, else with a suffix that tells them apart: " 2", " 3",
 * and in a crowd of look-alikes a piece of the user's id.
 */
export function apart(handle: string, user: string, isTaken: (skeleton: string) => boolean): string {
  if (!isTaken(skeleton(handle))) return handle;
  for (let number = 2; number <= NUMBERS_TRIED; number++) {
    const candidate = withSuffix(handle, ` ${number}`);
    if (!isTaken(skeleton(candidate))) return candidate;
  }
  return withSuffix(handle, ` ${user.slice(-6)}`);
}

function withSuffix(handle: string, suffix: string): string {
  return (
    Array.from(handle)
      .slice(0, LIMITS.handleLength - suffix.length)
      .join("") + suffix
  );
}
