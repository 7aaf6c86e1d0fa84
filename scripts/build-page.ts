/**
 * Builds the page into public/build: `npm run build:page`. Every file but the two documents has a hash of its
 * content in its name, and is also written in compressed forms. The documents name those files.
 */

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, gzip, constants as zlib } from "node:zlib";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const TARGET = `${ROOT}public/build/`;

/**
 * Entry files, bundled one by one. Entries of one run would share code in a chunk, and a process of another
 * version does not have that chunk (src/http/page/page-files.ts).
 */
const ENTRIES = [
  "src/page/main.ts",
  "src/page/status.ts",
  "public/styles/page.css",
  "public/styles/status.css",
];
const IMAGES = ["icon.svg", "icon-192.png", "icon-512.png"];
const MANIFEST = "manifest.webmanifest";
const DOCUMENTS = ["index.html", "status.html"];

/** The files of a build by their names. */
type Files = Map<string, Uint8Array>;
/** The address of a file by its name in the sources: `/icon.svg` is `/build/icon-1A2B3C4D.svg`. */
type Addresses = Map<string, string>;

async function bundle(entry: string, files: Files, addresses: Addresses): Promise<void> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    sourcemap: true,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    outdir: TARGET,
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  for (const { path, contents } of outputFiles) files.set(basename(path), contents);
  for (const [path, { entryPoint, imports }] of Object.entries(metafile.outputs)) {
    if (entryPoint !== entry) continue;
    const shared = imports.find(({ kind }) => kind === "import-statement");
    if (shared !== undefined)
      throw new Error(`${entry} shares code with a part that is loaded later: ${shared.path}`);
    addresses.set(`/build/${basename(entry).replace(/\.ts$/, ".js")}`, `/build/${basename(path)}`);
  }
}

/** Adds a file under its name with the hash in it. */
function add(name: string, content: Uint8Array, files: Files, addresses: Addresses): void {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
  const extension = extname(name);
  const hashed = `${basename(name, extension)}-${hash}${extension}`;
  files.set(hashed, content);
  addresses.set(`/${name}`, `/build/${hashed}`);
}

/**
 * Replaces the names in a text by the addresses. Throws for a file of the page that the build does not make.
 */
function linked(text: string, addresses: Addresses): string {
  return text.replaceAll(/(?<=\b(?:href|src)(?:=|": )")\/[^"]+(?=")/g, (address) => {
    const real = addresses.get(address);
    if (real === undefined) throw new Error(`nothing is built for ${address}`);
    return real;
  });
}

/** Writes a file atomically, because other processes may start from this folder at the same time. */
async function write(name: string, content: Uint8Array | string): Promise<void> {
  const unfinished = `${TARGET}.${process.pid}-${name}`;
  await writeFile(unfinished, content);
  await rename(unfinished, TARGET + name);
}

async function writeCompressed(name: string, content: Uint8Array): Promise<readonly string[]> {
  const [brotli, gzipped] = await Promise.all([
    promisify(brotliCompress)(content, {
      params: { [zlib.BROTLI_PARAM_SIZE_HINT]: content.length, [zlib.BROTLI_PARAM_QUALITY]: 11 },
    }),
    promisify(gzip)(content, { level: 9 }),
  ]);
  await Promise.all([write(name, content), write(`${name}.br`, brotli), write(`${name}.gz`, gzipped)]);
  return [name, `${name}.br`, `${name}.gz`];
}

const files: Files = new Map();
const addresses: Addresses = new Map();
await Promise.all(ENTRIES.map((entry) => bundle(entry, files, addresses)));
for (const name of IMAGES) add(name, await readFile(`${ROOT}public/${name}`), files, addresses);
const manifest = linked(await readFile(`${ROOT}public/${MANIFEST}`, "utf8"), addresses);
add(MANIFEST, Buffer.from(manifest), files, addresses);

await mkdir(TARGET, { recursive: true });
const written = await Promise.all([...files].map(([name, content]) => writeCompressed(name, content)));
for (const name of DOCUMENTS) {
  await write(name, linked(await readFile(`${ROOT}public/${name}`, "utf8"), addresses));
}
const kept = new Set([...written.flat(), ...DOCUMENTS]);
const old = (await readdir(TARGET)).filter((name) => !kept.has(name) && !name.startsWith("."));
await Promise.all(old.map((name) => rm(TARGET + name, { force: true, recursive: true })));
