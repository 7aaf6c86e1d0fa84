import { splitAddresses } from "./addresses.ts";

/** A piece of a message. Text is never markup: whoever shows it makes text nodes of it. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  /** Within a line. */
  | { readonly kind: "code"; readonly text: string }
  /** Whole lines, as they were written. */
  | { readonly kind: "block"; readonly text: string }
  | { readonly kind: "bold" | "italic"; readonly pieces: readonly Piece[] };

/** Up to three blanks may stand before a fence, as everywhere else in Markdown. */
const FENCE = /^ {0,3}```[^\n`]*\n([\s\S]*?)\n?^ {0,3}```[ \t]*$\n?/gm;
const CODE = /`([^`\n]+)`/g;
/** Marks that touch their words and stand outside of others: `2 * 3 * 4` and `snake_case_name` are none. */
const STRONG = /(?<![\w*])\*\*(?=\S)([^\n]{0,2000}?\S)\*\*(?![\w*])/g;
const SLANTED =
  /(?<![\w*])\*(?=[^\s*])([^\n*]{0,2000}?[^\s*])\*(?![\w*])|(?<![\w])_(?=[^\s_])([^\n_]{0,2000}?[^\s_])_(?!\w)/g;

type Within = (text: string) => readonly Piece[];

/** Makes pieces of what a pattern finds, and gives the rest to the next one. */
function split(
  text: string,
  pattern: RegExp,
  found: (inner: string) => Piece,
  rest: Within,
): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) pieces.push(...rest(text.slice(from, match.index)));
    pieces.push(found(match.slice(1).find((group) => group !== undefined) ?? ""));
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push(...rest(text.slice(from)));
  return pieces;
}

const slanted: Within = (text) =>
  split(text, SLANTED, (inner) => ({ kind: "italic", pieces: plain(inner) }), plain);
const strong: Within = (text) =>
  split(text, STRONG, (inner) => ({ kind: "bold", pieces: slanted(inner) }), slanted);

function plain(text: string): readonly Piece[] {
  return text === "" ? [] : [{ kind: "text", text }];
}

/** Addresses come before emphasis: an underscore in an address is part of it. */
const withLinks: Within = (text) =>
  splitAddresses(text).flatMap(({ text: part, href }) =>
    href === undefined ? strong(part) : [{ kind: "link", text: part, href } as const],
  );
const withCode: Within = (text) => split(text, CODE, (inner) => ({ kind: "code", text: inner }), withLinks);

/** Reads the little markup that messages know: fenced blocks, `code`, **bold**, *italics*, addresses. */
export function piecesOf(message: string): readonly Piece[] {
  return split(message, FENCE, (inner) => ({ kind: "block", text: inner }), withCode);
}

const EMOJI_ONLY =
  /^(?:\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|[\u200d\ufe0f]|\s){1,60}$/u;
/** Emoji of a message that is shown larger. */
const EMOJI_LIMIT = 6;

/** Whether a message is nothing but a few emoji. */
export function isEmojiOnly(message: string): boolean {
  if (!EMOJI_ONLY.test(message)) return false;
  const letters = [...new Intl.Segmenter().segment(message)].filter(({ segment }) => segment.trim() !== "");
  return letters.length > 0 && letters.length <= EMOJI_LIMIT;
}

/**
 * An address as it is shown, in three parts: the host stands apart, because that is what tells where a link leads,
 * whatever is written before or behind it. An address that hides its host behind a name and an @ is shown without them.
 */
export function shownAddress(href: string): {
  readonly before: string;
  readonly host: string;
  readonly after: string;
} {
  const url = new URL(href);
  if (url.protocol === "mailto:") return { before: "", host: decodeSafely(url.pathname), after: "" };
  const after = href.slice(href.search(/(?<=:\/\/[^/?#]*)(?=[/?#]|$)/));
  return { before: `${url.protocol}//`, host: url.host, after };
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
