import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

function read(name: string): string {
  return readFileSync(new URL(`../../../${name}`, import.meta.url), "utf8");
}

describe("docs/page.md", () => {
  it("names for each of the sixteen complaints a test that exists", () => {
    const rows = [...read("docs/page.md").matchAll(/^\| (\d+) +\| [^|]+ \| (test\/\S+): ([^|]+?) +\|$/gm)];
    const numbers = new Set(rows.map(([, number]) => Number(number)));
    expect([...numbers]).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
    for (const [, , file, title] of rows) expect(read(file ?? "")).toContain(`"${title}`);
  });
});
