import { authorityEnd, splitAddresses } from "./addresses.ts";
import { indexOfKind } from "./scan.ts";

/** A piece of a message. Its text is never markup, and is shown as a text node. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  /** Code within a line. */
  | { readonly kind: "code"; readonly text: string }
  /** Whole lines of code, unchanged. */
  | { readonly kind: "block"; readonly text: string }
  | { readonly kind: "bold" | "italic"; readonly pieces: readonly Piece[] };

/** Up to three blanks may stand before a fence, as everywhere else in Markdown. */
/** A piece, and the indexes at which its source begins and ends. */
interface Found {
  readonly from: number;
  readonly to: number;
  readonly piece: Piece;
}

/** Finds pieces of one kind in a text, first to last, in linear time. */
type Finder = (text: string) => Iterable<Found>;
type Within = (text: string) => readonly Piece[];

/** A fence, and the rest of its line. Up to three blanks may stand before it, as in all Markdown. */
const FENCE = /^ {0,3}```(.*)$/s;
const BLANK = /^[ \t]*$/;
const CODE_END = /[`\n]/g;
const MARK = /[*_]/g;
const LINE_END = /\n/g;
const STAR_END = /[*\n]/g;
const UNDERSCORE_END = /[_\n]/g;
const SPACE = /\s/;
const WORD = /\w/;
const WORD_OR_STAR = /[\w*]/;

/** Finds lines between two fences. A fence that is not closed is text, and so are all lines after it. */
function* blocksIn(text: string): Generator<Found> {
  let opened: { readonly from: number; readonly inner: number } | undefined;
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf("\n", from);
    const end = newline === -1 ? text.length : newline;
    const info = FENCE.exec(text.slice(from, end))?.[1];
    if (opened !== undefined && info !== undefined && BLANK.test(info)) {
      const inner = text.slice(opened.inner, Math.max(opened.inner, from - 1));
      yield { from: opened.from, to: Math.min(end + 1, text.length), piece: { kind: "block", text: inner } };
      opened = undefined;
    } else if (opened === undefined && info !== undefined && newline !== -1 && !info.includes("`")) {
      opened = { from, inner: end + 1 };
    }
    from = end + 1;
  }
}

function* codesIn(text: string): Generator<Found> {
  for (let from = text.indexOf("`"); from !== -1; ) {
    const end = indexOfKind(text, CODE_END, from + 1);
    const isCode = text.charAt(end) === "`" && end > from + 1;
    if (isCode) yield { from, to: end + 1, piece: { kind: "code", text: text.slice(from + 1, end) } };
    from = text.indexOf("`", isCode ? end + 1 : end);
  }
}

/**
 * Finds emphasis: marks that touch their words and are not inside a word. `2 * 3 * 4` and `snake_case_name`
 * have none.
 */
function* strongIn(text: string): Generator<Found> {
  // The closing marks found last; they are valid for every opening mark before them.
  let closing = 0;
  let lineEnd = -1;
  for (let from = text.indexOf("**"); from !== -1; ) {
    let next = from + 1;
    if (!WORD_OR_STAR.test(text.charAt(from - 1)) && isNoSpace(text.charAt(from + 2))) {
      if (closing < from + 3) closing = closingFrom(text, from + 3);
      if (lineEnd < from) lineEnd = indexOfKind(text, LINE_END, from);
      if (closing < lineEnd) {
        yield {
          from,
          to: closing + 2,
          piece: { kind: "bold", pieces: slanted(text.slice(from + 2, closing)) },
        };
        next = closing + 2;
      }
    }
    from = text.indexOf("**", next);
  }
}

/**
 * Returns the index of the first mark at or after `from` that can close; the text's length if there is none.
 */
function closingFrom(text: string, from: number): number {
  for (let at = text.indexOf("**", from); at !== -1; at = text.indexOf("**", at + 1)) {
    if (isNoSpace(text.charAt(at - 1)) && !WORD_OR_STAR.test(text.charAt(at + 2))) return at;
  }
  return text.length;
}

function* slantedIn(text: string): Generator<Found> {
  for (let from = indexOfKind(text, MARK, 0); from < text.length; ) {
    const end = indexOfKind(text, text.charAt(from) === "*" ? STAR_END : UNDERSCORE_END, from + 1);
    const isItalic = isSlanted(text, from, end);
    if (isItalic)
      yield { from, to: end + 1, piece: { kind: "italic", pieces: plain(text.slice(from + 1, end)) } };
    from = indexOfKind(text, MARK, isItalic ? end + 1 : from + 1);
  }
}

/** Returns whether two marks of one kind, with none between, make the text between them italic. */
function isSlanted(text: string, from: number, end: number): boolean {
  const mark = text.charAt(from);
  if (text.charAt(end) !== mark || end < from + 2) return false;
  const outside = mark === "*" ? WORD_OR_STAR : WORD;
  if (outside.test(text.charAt(from - 1)) || outside.test(text.charAt(end + 1))) return false;
  return isNoSpace(text.charAt(from + 1)) && isNoSpace(text.charAt(end - 1));
}

/** Returns whether a character is no space; false for an empty string. */
function isNoSpace(character: string): boolean {
  return character !== "" && !SPACE.test(character);
}

/** Splits a text into the pieces that `find` finds, and gives the text between them to the next finder. */
function split(text: string, find: Finder, rest: Within): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const found of find(text)) {
    if (found.from > from) pieces.push(...rest(text.slice(from, found.from)));
    pieces.push(found.piece);
    from = found.to;
  }
  if (from < text.length) pieces.push(...rest(text.slice(from)));
  return pieces;
}

const slanted: Within = (text) => split(text, slantedIn, plain);
const strong: Within = (text) => split(text, strongIn, slanted);

function plain(text: string): readonly Piece[] {
  return text === "" ? [] : [{ kind: "text", text }];
}

/** Finds addresses before emphasis: an underscore in an address is part of it. */
const withLinks: Within = (text) =>
  splitAddresses(text).flatMap(({ text: part, href }) =>
    href === undefined ? strong(part) : [{ kind: "link", text: part, href } as const],
  );
const withCode: Within = (text) => split(text, codesIn, withLinks);

/** Parses the markup that messages support: fenced blocks, `code`, **bold**, *italics*, addresses. */
export function piecesOf(message: string): readonly Piece[] {
  return split(message, blocksIn, withCode);
}

const EMOJI_ONLY =
  /^(?:[\p{Extended_Pictographic}\p{Regional_Indicator}\p{Emoji_Modifier}\s]|\u200d|\ufe0f){1,60}$/u;
/** Emoji at most in a message that is shown larger. */
const EMOJI_LIMIT = 6;

/** Returns whether a message consists of a few emoji only. */
export function isEmojiOnly(message: string): boolean {
  if (!EMOJI_ONLY.test(message)) return false;
  const letters = [...new Intl.Segmenter().segment(message)].filter(({ segment }) => segment.trim() !== "");
  return letters.length > 0 && letters.length <= EMOJI_LIMIT;
}

/**
 * Returns an address as it is shown, in three parts. The host is separate, because it decides where a link
 * leads, whatever stands before or after it. A name and an @ before the host, which could hide it, are not
 * shown.
 */
export function shownAddress(href: string): {
  readonly before: string;
  readonly host: string;
  readonly after: string;
} {
  const url = new URL(href);
  if (url.protocol === "mailto:") return { before: "", host: decodeSafely(url.pathname), after: "" };
  const after = href.slice(authorityEnd(href));
  return { before: `${url.protocol}//`, host: url.host, after };
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
