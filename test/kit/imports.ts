import { posix } from "node:path";
import { parseAst } from "vitest/node";

/** One thing that a file draws in: a path from the repository's root for files, a specifier for the rest. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/**
 * Everything that a TypeScript file imports, whatever the form: `import`, `import type`, `export … from`,
 * `import()` as an expression or a type, `import x = require()`, `require()`. `file` is its path from the root.
 * Throws for a file that cannot be parsed, and for an `import()` whose target is not a plain string.
 */
export function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  visit(parseAst(text, { lang: file.endsWith("x") ? "tsx" : "ts" }), (node) => {
    const source = sourceOf(node);
    if (source === undefined) return;
    const target = source["value"];
    if (typeof target !== "string") throw new Error(`${file} imports what only a run can tell`);
    found.push({ from: file, to: resolved(file, target) });
  });
  return found;
}

type Node = Readonly<Record<string, unknown>>;

function sourceOf(node: Node): Node | undefined {
  switch (node["type"]) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return asNode(node["source"]);
    case "TSExternalModuleReference":
      return asNode(node["expression"]);
    case "CallExpression":
      return asNode(node["callee"])?.["name"] === "require" ? firstArgument(node) : undefined;
    default:
      return undefined;
  }
}

function firstArgument(call: Node): Node | undefined {
  const list = call["arguments"];
  return Array.isArray(list) ? asNode(list[0]) : undefined;
}

function visit(value: unknown, each: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, each);
    return;
  }
  const node = asNode(value);
  if (node === undefined) return;
  each(node);
  for (const child of Object.values(node)) visit(child, each);
}

function asNode(value: unknown): Node | undefined {
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function resolved(file: string, target: string): string {
  return target.startsWith(".") ? posix.join(posix.dirname(file), target) : target;
}
