import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const KIB = 1_024;

/** Bytes of a file and all it imports, bundled, minified and compressed. */
function bundledSize(entry: string): number {
  const { outputFiles } = buildSync({
    entryPoints: [ROOT + entry],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  return gzipSync(outputFiles[0]!.contents).length;
}

describe("what a visitor downloads, compressed", () => {
  // The aim was 6 KiB; docs/page.md says what each module costs and why it stays.
  it("is at most 7.25 KiB for the client library by itself", () => {
    expect(bundledSize("src/client/client.ts")).toBeLessThanOrEqual(7.25 * KIB);
  });

  it("is at most 20 KiB for the page's script, client library included", () => {
    expect(bundledSize("src/page/main.ts")).toBeLessThanOrEqual(20 * KIB);
  });

  it("is at most 6 KiB for the styles", () => {
    expect(bundledSize("public/styles/page.css")).toBeLessThanOrEqual(6 * KIB);
  });
});
