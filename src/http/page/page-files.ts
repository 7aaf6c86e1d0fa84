import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import { isKnown } from "../api/etag.ts";
import { CODINGS, type Coding, codingFor } from "./content-coding.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml; charset=utf-8",
  ".webmanifest": "application/manifest+json; charset=utf-8",
};

/** `main-1A2B3C4D.js`: the name in the sources, the hash of the content, the rest. */
const HASHED = /^([\w-]+)-[0-9A-Z]{8}(\.[a-z.]+)$/;

const DOCUMENT = ".html";
const IMMUTABLE = "public, max-age=31536000, immutable";
/** May be stored, and must be revalidated each time. */
const REVALIDATED = "no-cache";

/** Returns documents by name, made of the HTML of a file. */
export type FillDocument = (file: string, html: string) => Readonly<Record<string, string>>;

interface Variant {
  readonly body: Buffer;
  /** A strong tag: each coding has its own. */
  readonly tag: string;
}

/** A file in all codings. */
interface PageFile {
  readonly type: string;
  readonly variants: Readonly<Record<Coding, Variant>>;
}

/**
 * The files of the built page, read once: a process serves the version that it started with, even if another
 * one is built later. Their tags are derived from the content, so they are the same in every process with the
 * same version.
 */
export class PageFiles {
  readonly #built: ReadonlyMap<string, PageFile>;
  readonly #documents: ReadonlyMap<string, PageFile>;
  /** By the name of a file in the sources, its name in this build: `main.js` is `main-1A2B3C4D.js`. */
  readonly #current: ReadonlyMap<string, string>;

  private constructor(built: ReadonlyMap<string, PageFile>, documents: ReadonlyMap<string, PageFile>) {
    this.#built = built;
    this.#documents = documents;
    this.#current = new Map([...built.keys()].map((name) => [unhashed(name), name]));
  }

  /**
   * Reads what `npm run build:page` wrote into a folder. Rejects if the page is not built.
   * @param folder its name ends with a slash.
   * @param fill returns the HTML that is served for the HTML of a document, by the names in `sendDocument`.
   */
  static async read(folder: string, fill: FillDocument): Promise<PageFiles> {
    const names = await readdir(folder).catch((): string[] => []);
    const built = names.filter((name) => HASHED.test(name) && extname(name) in TYPES);
    const documents = names.filter((name) => extname(name) === DOCUMENT);
    if (documents.length === 0)
      throw new Error(`The page is not built (none in ${folder}): npm run build:page`);
    const [files, filled] = await Promise.all([
      Promise.all(built.map(async (name) => [name, await readBuilt(folder, name)] as const)),
      Promise.all(documents.map((name) => readDocuments(folder, name, fill))),
    ]);
    return new PageFiles(new Map(files), new Map(filled.flat()));
  }

  /** Names of the files that browsers request at `/` by the name in the sources. */
  get rootNames(): readonly string[] {
    return [...this.#current.keys()].filter((name) => /\.(?:png|svg|webmanifest)$/.test(name));
  }

  /** Answers with a document; `caching` must be a value that revalidates it each time. */
  sendDocument(
    request: FastifyRequest,
    reply: FastifyReply,
    name: string,
    caching: "no-cache" | "private, no-cache" = REVALIDATED,
  ): FastifyReply {
    return send(request, reply, this.#documents.get(name), caching);
  }

  /**
   * Answers with a file below `/build`, which never changes. During a deploy the document may come from a
   * process of another version and name a file that this one does not have. Then this version's file of that
   * name is sent instead, and is not stored by the browser, because a page without its script or styles
   * cannot be used.
   */
  sendBuilt(request: FastifyRequest, reply: FastifyReply, name: string): FastifyReply {
    const file = this.#built.get(name);
    if (file !== undefined) return send(request, reply, file, IMMUTABLE);
    return this.#sendCurrent(request, reply, unhashed(name), "no-store");
  }

  /** Answers with a file by its name in the sources. */
  sendNamed(request: FastifyRequest, reply: FastifyReply, name: string): FastifyReply {
    return this.#sendCurrent(request, reply, name, REVALIDATED);
  }

  #sendCurrent(request: FastifyRequest, reply: FastifyReply, name: string, caching: string): FastifyReply {
    return send(request, reply, this.#built.get(this.#current.get(name) ?? ""), caching);
  }
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  file: PageFile | undefined,
  caching: string,
): FastifyReply {
  if (file === undefined) {
    reply.callNotFound();
    return reply;
  }
  reply.header("Vary", "Accept-Encoding");
  const coding = codingFor(request.raw.headers["accept-encoding"]);
  if (coding === undefined) {
    return reply
      .code(406)
      .header("Cache-Control", "no-store")
      .type("text/plain; charset=utf-8")
      .send(`Accept-Encoding must allow one of ${CODINGS.join(", ")}.\n`);
  }
  const { body, tag } = file.variants[coding];
  reply.header("Cache-Control", caching).header("ETag", tag);
  if (isKnown(request.headers["if-none-match"], tag)) return reply.code(304).send();
  if (coding !== "identity") reply.header("Content-Encoding", coding);
  return reply.type(file.type).send(body);
}

function unhashed(name: string): string {
  return name.replace(HASHED, "$1$2");
}

async function readBuilt(folder: string, name: string): Promise<PageFile> {
  const [br, gz, identity] = await Promise.all([
    readFile(`${folder}${name}.br`),
    readFile(`${folder}${name}.gz`),
    readFile(`${folder}${name}`),
  ]);
  return pageFile(extname(name), { br, gzip: gz, identity });
}

/** Returns the documents that are made of a file, by name. */
async function readDocuments(
  folder: string,
  file: string,
  fill: FillDocument,
): Promise<(readonly [string, PageFile])[]> {
  const documents = Object.entries(fill(file, await readFile(folder + file, "utf8")));
  return Promise.all(documents.map(async ([name, html]) => [name, await documentOf(html)] as const));
}

async function documentOf(html: string): Promise<PageFile> {
  const identity = Buffer.from(html);
  const [br, gz] = await Promise.all([promisify(brotliCompress)(identity), promisify(gzip)(identity)]);
  return pageFile(DOCUMENT, { br, gzip: gz, identity });
}

function pageFile(extension: string, bodies: Readonly<Record<Coding, Buffer>>): PageFile {
  const hash = createHash("sha256").update(bodies.identity).digest("base64url").slice(0, 22);
  const variant = (coding: Coding): Variant => ({ body: bodies[coding], tag: `"${hash}-${coding}"` });
  return {
    type: TYPES[extension] ?? "application/octet-stream",
    variants: { br: variant("br"), gzip: variant("gzip"), identity: variant("identity") },
  };
}
