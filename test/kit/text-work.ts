/**
 * Counts how many characters a function reads, so that a test can tell linear work from quadratic work without a clock.
 * What one call of a string's method reads is counted as if it were written in JavaScript: `indexOf` up to what it finds,
 * `slice` what it returns, all that is not listed the whole text. A regular expression counts up to the end of its match;
 * that it reads little more is for the checker of patterns to say. Reading by index (`text[i]`) is not seen.
 */
export function textWork(run: () => unknown): number {
  let work = 0;
  const restore = [
    ...Reflect.ownKeys(String.prototype)
      .filter((key) => key !== "constructor" && key !== "length")
      .map((key) =>
        replaceMethod(String.prototype, key, (text, given, result) => {
          work += 1 + (COSTS[String(key)]?.(String(text), given, result) ?? String(text).length);
        }),
      ),
    ...["exec", "test"].map((key) =>
      replaceMethod(RegExp.prototype, key, (pattern, [text], result, from) => {
        if (pattern instanceof RegExp) work += 1 + readByPattern(pattern, String(text), result, from);
      }),
    ),
    replaceMethod(URL, "canParse", (_url, [text]) => {
      work += 1 + readByUrl(String(text));
    }),
  ];
  try {
    run();
  } finally {
    for (const undo of restore) undo();
  }
  return work;
}

type Cost = (text: string, given: readonly unknown[], result: unknown) => number;

const one: Cost = () => 1;
const returned: Cost = (_text, _given, result) => String(result).length;
const needle: Cost = (_text, [searched]) => String(searched).length;
const upToFound: Cost = (text, [, from], result) => {
  const start = Math.max(0, Number(from ?? 0));
  return Math.max(0, (typeof result === "number" && result >= 0 ? result : text.length) - start);
};

/** Marks on one letter are brought into an order, each past those before it. */
const ordered: Cost = (text) =>
  Array.from(text.matchAll(/\p{M}+/gu)).reduce((sum, [marks]) => sum + marks.length ** 2, text.length);

const COSTS: Readonly<Record<string, Cost>> = {
  at: one,
  charAt: one,
  charCodeAt: one,
  codePointAt: one,
  endsWith: needle,
  indexOf: upToFound,
  normalize: ordered,
  slice: returned,
  startsWith: needle,
  substring: returned,
};

/** A name that is not ASCII is encoded in a time that grows with the square of its length. */
function readByUrl(text: string): number {
  const [, host = ""] = /^https?:[/\\]*([^/\\?#]*)/i.exec(text) ?? [];
  return text.length + (/[^\x20-\x7f]/.test(host) ? host.length ** 2 : 0);
}

function readByPattern(pattern: RegExp, text: string, result: unknown, lastIndex: number): number {
  const from = pattern.global || pattern.sticky ? lastIndex : 0;
  if (Array.isArray(result)) return Number(Reflect.get(result, "index")) + String(result[0]).length - from;
  // It fails where it is tried; `split` tries each place.
  if (pattern.sticky) return 1;
  // A test that succeeds does not say where.
  return result === true && pattern.global ? pattern.lastIndex - from : text.length - from;
}

/** `seen` hears of each call what it was made on, its arguments, what it returned, and where a pattern began. */
function replaceMethod(
  owner: object,
  key: string | symbol,
  seen: (on: unknown, given: readonly unknown[], result: unknown, from: number) => void,
): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, key);
  const method: unknown = before?.value;
  if (before === undefined || typeof method !== "function") return () => undefined;
  let isCounting = false;
  Object.defineProperty(owner, key, {
    ...before,
    value(this: unknown, ...given: unknown[]): unknown {
      const from = this instanceof RegExp ? this.lastIndex : 0;
      const result: unknown = Reflect.apply(method, this, given);
      // Counting itself uses strings.
      if (isCounting) return result;
      isCounting = true;
      seen(this, given, result, from);
      isCounting = false;
      return result;
    },
  });
  return () => Object.defineProperty(owner, key, before);
}
