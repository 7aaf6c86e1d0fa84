import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DOCUMENT = fileURLToPath(new URL("../../docs/performance.md", import.meta.url));

/**
 * Puts what a script measured into docs/performance.md, between the marks `<!-- name: … -->` and `<!-- end of name -->`.
 * Throws where the document has no such place.
 */
export function intoDocument(name: string, markdown: string): void {
  const text = readFileSync(DOCUMENT, "utf8");
  const begin = new RegExp(`<!-- ${name}: [^>]*-->`).exec(text);
  const end = text.indexOf(`<!-- end of ${name} -->`);
  if (begin === null || end < begin.index) throw new Error(`docs/performance.md has no place for ${name}`);
  const start = begin.index + begin[0].length;
  writeFileSync(DOCUMENT, `${text.slice(0, start)}\n\n${markdown.trimEnd()}\n\n${text.slice(end)}`);
  // The linter wants tables whose columns are as wide as their cells.
  execFileSync("npx", ["biome", "format", "--write", DOCUMENT], { stdio: "ignore" });
}
