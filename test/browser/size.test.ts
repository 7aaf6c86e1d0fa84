import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const KIB = 1_024;

/** Bytes of a file and all it imports, bundled, minified and compressed; without what is loaded only where it is needed. */
function bundledSize(entry: string): number {
  const { outputFiles, metafile } = buildSync({
    entryPoints: [ROOT + entry],
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "/",
    metafile: true,
    write: false,
  });
  const [first] = outputFiles;
  const main = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint === entry);
  // Shared chunks would have to be counted.
  expect(main?.imports.filter(({ kind }) => kind === "import-statement")).toEqual([]);
  return gzipSync(first!.contents).length;
}

describe("what a visitor downloads, compressed", () => {
  it("is at most 7 KiB for the client library by itself", () => {
    expect(bundledSize("src/client/client.ts")).toBeLessThanOrEqual(7 * KIB);
  });

  it("is at most 24 KiB for the page's script, client library included", () => {
    expect(bundledSize("src/page/main.ts")).toBeLessThanOrEqual(24 * KIB);
  });

  it("is at most 3 KiB more where sockets are blocked", () => {
    expect(bundledSize("src/client/http-instead.ts")).toBeLessThanOrEqual(3 * KIB);
  });

  it("is at most 6 KiB for the styles", () => {
    expect(bundledSize("public/styles/page.css")).toBeLessThanOrEqual(6 * KIB);
  });
});
