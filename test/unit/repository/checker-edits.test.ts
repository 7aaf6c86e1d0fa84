import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { applyEdits, type Edit } from "../../checker/edits.ts";
import { LATER_BUILD } from "../../checker/later-build.ts";
import { MUTANTS } from "../../checker/mutants.ts";
import { ROOT } from "../../kit/servers/program.ts";

function edited(text: string, ...edits: Omit<Edit, "file">[]): string {
  return applyEdits(
    { name: "a mutant", edits: edits.map((edit) => ({ file: "a.ts", ...edit })) },
    "a.ts",
    text,
  );
}

describe("every edit of the program fits the source exactly once:", () => {
  it.each([...MUTANTS, LATER_BUILD].map((change) => [change.name, change] as const))(
    "%s",
    async (_name, change) => {
      for (const file of new Set(change.edits.map((edit) => edit.file))) {
        const text = await readFile(join(ROOT, "src", file), "utf8");
        expect(applyEdits(change, file, text)).not.toBe(text);
      }
    },
  );
});

describe("an edit", () => {
  it("fits however the file and the piece are laid out, and leaves the rest as it is", () => {
    const text = "add(\n  connection,\n) {\n\tthis.flush();\n  more();\n}";
    const edit = { find: "add( connection, )\n{ this.flush();", replace: "add(connection) {" };
    expect(edited(text, edit)).toBe("add(connection) {\n  more();\n}");
  });

  it("sees what the one before it left", () => {
    const edits = [
      { find: "a();", replace: "" },
      { find: "b();", replace: "b(); a();" },
    ];
    expect(edited("a(); b();", ...edits)).toBe(" b(); a();");
  });

  it("puts in text as it stands, also what means something in a replacement", () => {
    expect(edited("a();", { find: "a()", replace: "'$&'" })).toBe("'$&';");
  });

  it.each([
    ["nowhere", "b();", 0],
    ["in two places", "a(); a();", 2],
    ["in two places that overlap", "a()a()a()", 2],
  ])("that fits %s is an error with the name of the change", (_where, text, times) => {
    const find = text.includes("a()a()") ? "a() a()" : "a();";
    expect(() => edited(text, { find, replace: "" })).toThrow(
      `"a mutant" must be renewed: a.ts has ${times} times, instead of once:\n${find}`,
    );
  });
});
