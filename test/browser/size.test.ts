import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { buildSync } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { type Server, startServer } from "../kit/servers/server.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const KIB = 1_024;

let server: Server;
beforeAll(async () => {
  server = await startServer();
});

/** What the server sends to a browser for an address, as it was sent. */
async function sent(path: string): Promise<Buffer> {
  const request = get(server.url + path, { headers: { "accept-encoding": "gzip, deflate, br, zstd" } });
  const [response]: IncomingMessage[] = await once(request, "response");
  const chunks = await response!.toArray();
  expect([path, response!.statusCode, response!.headers["content-encoding"]]).toEqual([path, 200, "br"]);
  return Buffer.concat(chunks);
}

/** The addresses that a document names, of files of a kind. */
async function namedIn(document: string, kind: RegExp): Promise<string[]> {
  const html = brotliDecompressSync(await sent(document)).toString();
  return [...html.matchAll(/(?:href|src)="(\/build\/[^"]+)"/g)]
    .map(([, address = ""]) => address)
    .filter((address) => kind.test(address));
}

async function sizeOf(addresses: readonly string[]): Promise<number> {
  const bodies = await Promise.all(addresses.map(sent));
  return bodies.reduce((sum, { length }) => sum + length, 0);
}

describe("what a server sends to a browser that has nothing yet", () => {
  it("is at most 26 KiB for the page's script, client library included", async () => {
    const scripts = await namedIn("/", /\.js$/);
    expect(scripts).toHaveLength(1);
    const size = await sizeOf(scripts);
    expect(size).toBeGreaterThan(0);
    expect(size).toBeLessThanOrEqual(26 * KIB);
  });

  it("is at most 5 KiB for the styles", async () => {
    const styles = await namedIn("/", /\.css$/);
    expect(styles).toHaveLength(1);
    expect(await sizeOf(styles)).toBeLessThanOrEqual(5 * KIB);
  });

  it("is at most 32 KiB for all of the page: document, script, styles, manifest and icon", async () => {
    const addresses = await namedIn("/", /\.(?:js|css|svg|webmanifest)$/);
    expect(addresses).toHaveLength(4);
    expect(await sizeOf(["/", ...addresses])).toBeLessThanOrEqual(32 * KIB);
  });

  it("is at most 9 KiB for all of the operator's page", async () => {
    const addresses = await namedIn("/status", /\.(?:js|css|svg)$/);
    expect(addresses).toHaveLength(3);
    expect(await sizeOf(["/status", ...addresses])).toBeLessThanOrEqual(9 * KIB);
  });

  it("is at most 3 KiB more where sockets are blocked", async () => {
    const [script = ""] = await namedIn("/", /\.js$/);
    const [name] =
      /http-instead-[0-9A-Z]{8}\.js/.exec(brotliDecompressSync(await sent(script)).toString()) ?? [];
    expect(await sizeOf([`/build/${name}`])).toBeLessThanOrEqual(3 * KIB);
  });
});

describe("the client library by itself", () => {
  it("is at most 8 KiB, bundled, minified and compressed as servers do", () => {
    const { outputFiles } = buildSync({
      entryPoints: [`${ROOT}src/client/index.ts`],
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
      write: false,
    });
    expect(brotliCompressSync(outputFiles[0]!.contents).length).toBeLessThanOrEqual(8 * KIB);
  });
});
