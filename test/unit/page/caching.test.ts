import { readdirSync } from "node:fs";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { beforeAll, describe, expect, it } from "vitest";
import { PageFiles } from "../../../src/http/page/page-files.ts";
import { openApi } from "../../kit/servers/api.ts";
import { ROOT } from "../../kit/servers/program.ts";

const IMMUTABLE = "public, max-age=31536000, immutable";
const BUILT = readdirSync(`${ROOT}public/build`).filter((name) =>
  /\.(js|css|map|svg|png|webmanifest)$/.test(name),
);
const DECODE: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
};

let app: FastifyInstance;
beforeAll(async () => {
  app = await openApi();
});

function get(url: string, headers: Record<string, string> = {}, method: "GET" | "HEAD" = "GET") {
  return app.inject({ method, url, headers });
}

/** The address that the document names for a file of the sources. */
async function addressOf(name: string, document = "/"): Promise<string> {
  const [base, extension] = name.split(".");
  const found = new RegExp(`/build/${base}-[0-9A-Z]{8}\\.${extension}`).exec((await get(document)).body);
  if (found === null) throw new Error(`${document} names no ${name}`);
  return found[0];
}

describe("the page's document", () => {
  it("makes a client without a cookie a guest, and no cache between may give that guest to another client", async () => {
    const answer = await get("/");
    expect(answer.cookies.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^dynochat-guest-[\da-f]{12}$/),
      "dynochat",
    ]);
    expect(answer.headers["cache-control"]).toBe("private, no-cache");
  });

  it("is asked for again each time, the operator's too", async () => {
    const answer = await get("/status");
    expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([200, "no-cache"]);
  });

  it.each(["/", "/status"])("%s names only files that never change", async (url) => {
    const { body } = await get(url);
    const addresses = [...body.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, address = ""]) => address);
    expect(addresses.length).toBeGreaterThan(2);
    for (const address of addresses) {
      const answer = await get(address);
      expect([address, answer.statusCode, answer.headers["cache-control"]]).toEqual([
        address,
        200,
        IMMUTABLE,
      ]);
    }
  });

  it("tells the page the room that it opens without one in its address", async () => {
    const support = await openApi({ defaultRoom: "support" });
    const meta = '<meta name="default-room" content="support">';
    expect((await support.inject("/")).body).toContain(meta);
    const plain = await support.inject("/page-settings.json");
    expect(plain.json()).toEqual({ defaultRoom: "support", maxTextLength: 2000 });
  });

  it("tells the page where to ask for the token of its user, and nothing where the users are guests", async () => {
    const signedIn = await openApi({ tokenSecret: "t".repeat(32), tokenUrl: '/token?of="chat"&v=$&' });
    const meta = '<meta name="token-url" content="/token?of=&quot;chat&quot;&amp;v=$&amp;">';
    expect((await signedIn.inject("/")).body).toContain(meta);
    expect((await signedIn.inject("/page-settings.json")).json()).not.toHaveProperty("tokenUrl");
    expect((await get("/")).body).toContain('<meta name="token-url" content="">');
  });

  it("is another document where another room is the default", async () => {
    const other = await openApi({ defaultRoom: "support" });
    expect((await other.inject("/")).headers.etag).not.toBe((await get("/")).headers.etag);
  });
});

describe("a file of the page", () => {
  it.each(BUILT)("%s is one and the same in every encoding, and never asked for again", async (name) => {
    const plain = await get(`/build/${name}`);
    expect(plain.headers["content-encoding"]).toBeUndefined();
    for (const encoding of ["br", "gzip"]) {
      const answer = await get(`/build/${name}`, { "accept-encoding": encoding });
      expect(answer.headers).toMatchObject({
        "content-encoding": encoding,
        "content-length": String(answer.rawPayload.length),
        "content-type": plain.headers["content-type"],
        "cache-control": IMMUTABLE,
        vary: "Accept-Encoding",
      });
      expect(DECODE[encoding]?.(answer.rawPayload).equals(plain.rawPayload)).toBe(true);
    }
  });

  it.each([
    ["main.js", "text/javascript; charset=utf-8"],
    ["page.css", "text/css; charset=utf-8"],
    ["icon.svg", "image/svg+xml; charset=utf-8"],
    ["icon-192.png", "image/png"],
    ["manifest.webmanifest", "application/manifest+json; charset=utf-8"],
  ])("%s is of the type %s", async (name, type) => {
    expect((await get(await addressOf(name))).headers["content-type"]).toBe(type);
  });

  it.each(["/icon.svg", "/icon-192.png", "/icon-512.png", "/manifest.webmanifest"])(
    "%s is found at its plain address too, and is asked for again there",
    async (url) => {
      const answer = await get(url, { "accept-encoding": "br" });
      expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([200, "no-cache"]);
      const tag = String(answer.headers.etag);
      expect((await get(url, { "accept-encoding": "br", "if-none-match": tag })).statusCode).toBe(304);
    },
  );
});

describe("the encoding of an answer", () => {
  const CASES: readonly (readonly [string | undefined, string | undefined])[] = [
    [undefined, undefined],
    ["", undefined],
    ["gzip, deflate, br, zstd", "br"],
    ["gzip, deflate", "gzip"],
    ["GZIP", "gzip"],
    ["deflate", undefined],
    ["br;q=0", undefined],
    ["br;q=0, gzip", "gzip"],
    ["br; q=0.0, gzip; q=0.5", "gzip"],
    ["gzip;q=1.0, br;q=0.5", "gzip"],
    ["identity, br;q=0.5", undefined],
    ["*", "br"],
    ["br;q=0, *", "gzip"],
    ["gzip;q=0, br;q=0, *", undefined],
    ["*;q=0, gzip", "gzip"],
    ["identity;q=0, *", "br"],
    ["*;q=0.5, identity", undefined],
    ["br;q=2, gzip", "gzip"],
    ["br;q=much, gzip;level=9", "gzip"],
    ["gzip, identity;q=0", "gzip"],
  ];

  it.each(["/", "/status", "main.js", "icon.svg", "icon-192.png"])(
    "of %s is one that was asked for",
    async (name) => {
      const url = name.startsWith("/") ? name : await addressOf(name);
      for (const [accepted, given] of CASES) {
        const answer = await get(url, accepted === undefined ? {} : { "accept-encoding": accepted });
        expect([accepted, answer.statusCode, answer.headers["content-encoding"]]).toEqual([
          accepted,
          200,
          given,
        ]);
        expect(answer.headers.vary).toBe("Accept-Encoding");
      }
    },
  );

  it.each(["identity;q=0", "*;q=0", "deflate, identity;q=0"])(
    "%s leaves none, which is said",
    async (accepted) => {
      const answer = await get("/", { "accept-encoding": accepted });
      expect([answer.statusCode, answer.body]).toEqual([
        406,
        "Accept-Encoding must allow one of br, gzip, identity.\n",
      ]);
      expect(answer.headers.vary).toBe("Accept-Encoding");
    },
  );

  it.each(["/", "/status", "main.js"])(
    "of a HEAD request for %s is that of the GET request",
    async (name) => {
      const url = name.startsWith("/") ? name : await addressOf(name);
      const headers = { "accept-encoding": "br", cookie: "" };
      const [head, body] = [await get(url, headers, "HEAD"), await get(url, headers)];
      expect([head.statusCode, head.rawPayload.length]).toEqual([200, 0]);
      for (const field of [
        "content-encoding",
        "content-length",
        "content-type",
        "etag",
        "vary",
        "cache-control",
      ])
        expect([field, head.headers[field]]).toEqual([field, body.headers[field]]);
    },
  );

  it.each(["/", "/status", "main.js"])("of %s has its own tag, and only that is 304", async (name) => {
    const url = name.startsWith("/") ? name : await addressOf(name);
    const answers = await Promise.all(
      ["br", "gzip", "identity"].map((accepted) => get(url, { "accept-encoding": accepted })),
    );
    const tags = answers.map(({ headers }) => String(headers.etag));
    expect(new Set(tags).size).toBe(3);
    for (const tag of tags) expect(tag).toMatch(/^"[\w-]+"$/);
    const known = { "accept-encoding": "br", "if-none-match": tags[0] ?? "" };
    for (const method of ["GET", "HEAD"] as const) {
      const unchanged = await get(url, known, method);
      expect([unchanged.statusCode, unchanged.rawPayload.length]).toEqual([304, 0]);
      expect(unchanged.headers).toMatchObject({ etag: tags[0], vary: "Accept-Encoding" });
      expect(unchanged.headers["content-encoding"]).toBeUndefined();
    }
    expect((await get(url, { ...known, "accept-encoding": "gzip" })).statusCode).toBe(200);
    expect((await get(url, { ...known, "if-none-match": `"x", W/${tags[0]}` })).statusCode).toBe(304);
  });
});

describe("a file of another version, which a document names during a deploy", () => {
  it.each([
    "main-AAAAAAAA.js",
    "main.js",
    "page-AAAAAAAA.css",
    "http-instead-AAAAAAAA.js",
    "icon-192-AAAAAAAA.png",
  ])("%s is answered with the file of this version, which is not stored", async (name) => {
    const [base, extension] = name.replace("-AAAAAAAA", "").split(".");
    const own = BUILT.find((built) => new RegExp(`^${base}-[0-9A-Z]{8}\\.${extension}$`).test(built));
    const answer = await get(`/build/${name}`);
    expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([200, "no-store"]);
    expect(answer.rawPayload.equals((await get(`/build/${own}`)).rawPayload)).toBe(true);
  });

  it.each(["nothing-AAAAAAAA.js", "index.html", "..%2findex.html", "main.js.br", ".js", "constructor"])(
    "%s is no file of the page",
    async (name) => {
      expect((await get(`/build/${name}`)).statusCode).toBe(404);
    },
  );
});

it("a page that is not built is said to be so", async () => {
  await expect(PageFiles.read(`${ROOT}nowhere/`, () => ({}))).rejects.toThrow(
    `The page is not built (none in ${ROOT}nowhere/): npm run build:page`,
  );
});
