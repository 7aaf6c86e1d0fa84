import { parseAst } from "vitest/node";

/** A regular expression in a source. */
export interface Pattern {
  readonly source: string;
  readonly flags: string;
}

/** What a TypeScript file has of regular expressions: literals, and calls of `RegExp`, whose pattern only a run can tell. */
export interface Patterns {
  readonly literals: readonly Pattern[];
  readonly calls: number;
}

export function patternsOf(text: string): Patterns {
  const literals: Pattern[] = [];
  let calls = 0;
  visit(parseAst(text, { lang: "ts" }), (node) => {
    const { regex, callee } = node;
    if (isRecord(regex)) literals.push({ source: String(regex["pattern"]), flags: String(regex["flags"]) });
    if (isRecord(callee) && callee["name"] === "RegExp") calls += 1;
  });
  return { literals, calls };
}

function visit(value: unknown, each: (node: Readonly<Record<string, unknown>>) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, each);
  } else if (isRecord(value)) {
    each(value);
    for (const child of Object.values(value)) visit(child, each);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
