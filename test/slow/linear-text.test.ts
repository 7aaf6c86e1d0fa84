import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { checkSync } from "recheck";
import { describe, expect, it } from "vitest";
import { handleFrom, readHandle } from "../../src/chat/text/handle.ts";
import { readText } from "../../src/chat/text/text.ts";
import { eventParser } from "../../src/client/http/event-stream.ts";
import { splitAddresses } from "../../src/page/messages/addresses.ts";
import { isLong } from "../../src/page/messages/fold.ts";
import { isEmojiOnly, piecesOf, shownAddress } from "../../src/page/messages/markup.ts";
import { roomName } from "../../src/page/room/places.ts";
import { mentions } from "../../src/page/unread/mention.ts";
import { codePoints } from "../../src/page/writing/code-points.ts";
import { trimText } from "../../src/protocol/text.ts";
import { patternsOf } from "../kit/patterns.ts";
import { ROOT } from "../kit/servers/program.ts";
import { textWork } from "../kit/text-work.ts";

// In this process: neither a worker nor a program of its own.
process.env["RECHECK_SYNC_BACKEND"] = "pure";

/** Where texts are read that somebody else wrote. Settings and what Redis says come from the operator. */
const READERS = /^(?:chat|client|http|identity|page|sockets)\/|^protocol\.ts$/;

const sources = readdirSync(`${ROOT}src`, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && READERS.test(name))
  .map((name) => ({ name: `src/${name}`, ...patternsOf(readFileSync(`${ROOT}src/${name}`, "utf8")) }));

/**
 * How the time of one search grows with its text: `safe` is at most linear. Says who says so: an automaton
 * proves it.
 */
function growthOf(source: string, flags: string): string {
  // A repetition up to 300 times is still small enough for an automaton.
  const result = checkSync(source, flags, { timeout: null, maxRepeatCount: 300 });
  return `${result.status === "vulnerable" ? result.complexity.summary : result.status}, by ${result.checker}`;
}

describe("every regular expression that reads what others write", () => {
  const literals = sources.flatMap(({ name, literals: found }) =>
    found.map(({ source, flags }) => [name, source, flags] as const),
  );

  it("is found", () => {
    expect(literals.length).toBeGreaterThan(30);
    expect(literals.filter(([name]) => name.startsWith("src/page/")).length).toBeGreaterThan(10);
  });

  it.each(literals)("%s: /%s/%s is proven to be linear", (_name, source, flags) => {
    expect(growthOf(source, flags)).toBe("safe, by automaton");
  });

  it("is a literal, so that it can be checked, but for those of a name, whose length is bounded", () => {
    const called = sources.filter(({ calls }) => calls > 0).map(({ name }) => name);
    expect(called.sort()).toEqual(["src/chat/text/handle.ts", "src/chat/text/invisible.ts"]);
  });

  it.each([
    /[.,;:!?'*_~]+$/,
    /^```[^\n`]*\n([\s\S]*?)\n?^```[ \t]*$\n?/gm,
    /mailto:[^\s<>"@]+@[^\s<>"@]+/gi,
    /(?<=:\/\/[^/?#]*)(?=[/?#]|$)/,
    /^(a+)+$/,
  ])("is told from %s, which is not", ({ source, flags }) => {
    expect(growthOf(source, flags)).not.toMatch(/^safe/);
  });
});

/** What works on texts that somebody else wrote. */
const FUNCTIONS: Readonly<Record<string, (text: string) => unknown>> = {
  splitAddresses,
  piecesOf,
  isEmojiOnly,
  "shownAddress, of all addresses": (text) =>
    splitAddresses(text).map(({ href }) => (href === undefined ? undefined : shownAddress(href))),
  "mentions, of a short name": (text) => mentions(text, "a"),
  "mentions, of a long name": (text) => mentions(text, "a ".repeat(16)),
  isLong: (text) => isLong(text, 1_280),
  codePoints,
  "eventParser, in pieces": (text) => {
    const take = eventParser(() => undefined);
    for (let from = 0; from < text.length; from += 10) take(text.slice(from, from + 10));
  },
  roomName,
  trimText,
  "readText, of the server": (text) => readText(text, 100_000),
  "readHandle, of the server": readHandle,
  "handleFrom, of the server": handleFrom,
};

/** What means something to any of them, and what means nothing. */
const TOKENS = [
  ...'`*_()[]{}@.!:/?#<" \n\t\\a',
  ..."é👍\u200d\u0301",
  "```",
  "\n```\n",
  "**",
  "http://",
  "https://x.example/",
  "mailto:",
  "a@b",
  "ab cd",
];

/** Characters of the shorter text; twice as many in the longer. */
const LENGTH = 1_000;

/** What twice the text costs, as a multiple: 2 is linear, 4 quadratic. */
function growth(run: (text: string) => unknown, before: string, unit: string, after: string): number {
  const work = (length: number) =>
    textWork(() => run(before + unit.repeat(Math.ceil(length / unit.length)) + after));
  // What does not grow, or grows by little, is no multiple.
  return work(2 * LENGTH) / Math.max(work(LENGTH), LENGTH);
}

const LINEAR = 2.5;

describe("the work on a text", () => {
  it.each(Object.entries(FUNCTIONS))("by %s doubles at most with any two marks repeated", (_name, run) => {
    const units = TOKENS.flatMap((first) => [first, ...TOKENS.map((second) => first + second)]);
    for (const unit of units) expect([unit, growth(run, "", unit, "") < LINEAR]).toEqual([unit, true]);
  });

  it.each([
    ["http://x.example/", ")", ""],
    ["http://x.example/", "(", ")".repeat(LENGTH)],
    ["http://x.example/", "!", "x"],
    ["", "mailto:", "a@b"],
    ["", "```\n", "`"],
    ["", "```\n", "```x"],
    ["", "**a ", "**"],
    ["*", "_", "*"],
    ["http://", "\u4e2d", ""],
    ["http:///\\/", "\u4e2d", ""],
  ])("doubles at most for an address or markup of %j, many %j, and %j", (before, unit, after) => {
    expect(growth(piecesOf, before, unit, after)).toBeLessThan(LINEAR);
  });

  it.each(Object.entries(FUNCTIONS))("by %s doubles at most with any marks around", (_name, run) => {
    const some = fc.array(fc.constantFrom(...TOKENS), { maxLength: 3 }).map((tokens) => tokens.join(""));
    const unit = fc.array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(some, unit, some, (before, tokens, after) => {
        expect(growth(run, before, tokens.join(""), after)).toBeLessThan(LINEAR);
      }),
      { numRuns: 300 },
    );
  });

  it.each<[string, (text: string) => unknown, string]>([
    [
      "brackets that are counted anew",
      (text) => {
        let kept = text;
        while (kept.endsWith(")") && kept.split(")").length > kept.split("(").length)
          kept = kept.slice(0, -1);
      },
      ")",
    ],
    [
      "a search from each mark to the end",
      (text) => {
        for (let at = text.indexOf("*"); at !== -1; at = text.indexOf("*", at + 1)) text.indexOf("_", at);
      },
      "*",
    ],
    [
      "a copy of all that is before each mark",
      (text) => {
        for (let at = text.indexOf("*"); at !== -1; at = text.indexOf("*", at + 1)) text.slice(0, at).at(-1);
      },
      "*",
    ],
    [
      "a pattern that is tried at each mark",
      (text) => {
        for (let at = text.indexOf("*"); at !== -1; at = text.indexOf("*", at + 1)) /^x/.test(text.slice(at));
      },
      "*",
    ],
  ])("is seen to grow faster by %s", (_what, run, unit) => {
    expect(growth(run, "", unit, "")).toBeGreaterThan(3.5);
  });
});
