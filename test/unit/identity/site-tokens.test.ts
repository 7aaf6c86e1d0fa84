import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, describe, expect, it, vi } from "vitest";
import { INVALID_TOKEN, type SiteTokens } from "../../../src/chat/identity.ts";
import { siteTokens } from "../../../src/identity/site-tokens.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const warnings: string[] = [];
const logger = {
  debug: () => {},
  info: () => {},
  warn: (_fields: object, sentence: string) => void warnings.push(sentence),
  error: () => {},
};

function accepting(options: Partial<Parameters<typeof siteTokens>[0]> = {}) {
  const tokens = siteTokens(
    { tokenSecret: [SECRET], tokenJwksUrl: undefined, tokenRequired: false, ...options },
    logger,
  );
  if (tokens === undefined) throw new Error("no tokens are accepted");
  return tokens;
}

function signed(claims: object, secret = SECRET, algorithm = "HS256"): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: algorithm })
    .sign(new TextEncoder().encode(secret));
}

async function userOf(tokens: SiteTokens, token: string): Promise<string | undefined> {
  const verified = await tokens.verify(token);
  return verified.ok ? verified.value.user : undefined;
}

/** A site that publishes its key `one`; without an answer it closes every connection. */
async function publishing() {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" };
  const publish = (response: ServerResponse) => void response.end(JSON.stringify({ keys: [jwk] }));
  const site = {
    jwk,
    answer: publish as typeof publish | undefined,
    url: "",
    /** How often the keys were asked for. */
    asked: 0,
    sign: (claims: object, kid = "one") =>
      new SignJWT({ ...claims }).setProtectedHeader({ alg: "ES256", kid }).sign(privateKey),
  };
  const server = createServer((request, response) => {
    site.asked += 1;
    if (site.answer === undefined) request.socket.destroy();
    else site.answer(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterwards(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  site.url = `http://127.0.0.1:${address.port}/`;
  return site;
}

afterEach(() => {
  warnings.length = 0;
});

describe("when a token was issued", () => {
  it.each([
    ["a minute ago", -60, -60_000],
    ["3 s ahead, within what clocks may differ", 3, 0],
  ])("is what it says: %s", async (_when, seconds, expected) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    afterwards(() => vi.useRealTimers());
    const now = Date.now();
    const verified = await accepting().verify(await signed({ sub: "ann", iat: now / 1_000 + seconds }));
    expect(verified).toMatchObject({ value: { issuedAt: now + expected } });
  });

  it.each([
    ["it does not say so", {}],
    ["it is an hour ahead", { iat: Date.now() / 1_000 + 3_600 }],
    ["it counts in ms", { iat: Date.now() }],
  ])("is unknown, and so before every sign-out, if %s", async (_why, claims) => {
    const verified = await accepting().verify(await signed({ sub: "ann", ...claims }));
    expect(verified).toMatchObject({ ok: true, value: { user: "s-ann", issuedAt: undefined } });
  });
});

describe("a site's token", () => {
  it("names the user, their handle and its end", async () => {
    const exp = Math.floor(Date.now() / 1000) + 60;
    const token = await signed({ sub: "42", name: "Ann", exp });
    expect(await accepting().verify(token)).toEqual({
      ok: true,
      value: {
        user: "s-42",
        handle: "Ann",
        rooms: undefined,
        expiresAt: exp * 1000,
        siteKey: expect.any(String),
      },
    });
  });

  it("never names a user that a guest could be, whatever the site calls them", async () => {
    expect(await userOf(accepting(), await signed({ sub: "g 1:2/é" }))).toMatch(/^s_[A-Za-z0-9_-]{43}$/);
    expect(await userOf(accepting(), await signed({ sub: "gabc" }))).toBe("s-gabc");
  });

  it.each([
    ["signed with another secret", () => signed({ sub: "42" }, "another secret of sufficient length!")],
    ["that has ended", () => signed({ sub: "42", exp: Math.floor(Date.now() / 1000) - 60 })],
    ["that is not valid yet", () => signed({ sub: "42", nbf: Math.floor(Date.now() / 1000) + 60 })],
    ["without a subject", () => signed({ name: "Ann" })],
    ["without a signature", async () => `${btoa('{"alg":"none"}')}.${btoa('{"sub":"42"}')}.`],
    ["that is no token", async () => "a.b.c"],
  ])("%s is refused without a warning", async (_what, make) => {
    expect(await accepting().verify(await make())).toEqual(INVALID_TOKEN);
    expect(warnings).toEqual([]);
  });

  it("is checked against the site's published keys, and a public key is never taken for a secret", async () => {
    const site = await publishing();
    const tokens = accepting({ tokenSecret: undefined, tokenJwksUrl: site.url });
    expect(await userOf(tokens, await site.sign({ sub: "42" }))).toBe("s-42");
    const confused = await signed({ sub: "42" }, JSON.stringify(site.jwk));
    expect(await tokens.verify(confused)).toEqual(INVALID_TOKEN);
  });
});

/** The name of the key that signed a token. */
async function keyOf(tokens: SiteTokens, token: string): Promise<string> {
  const verified = await tokens.verify(token);
  if (!verified.ok) throw new Error("the token is not valid");
  return verified.value.siteKey;
}

describe("several secrets of a site", () => {
  const NEXT = "the secret that takes the place of the first";

  it("verify tokens of each, also while the site changes from one to the other", async () => {
    const tokens = accepting({ tokenSecret: [NEXT, SECRET] });
    expect(await userOf(tokens, await signed({ sub: "42" }))).toBe("s-42");
    expect(await userOf(tokens, await signed({ sub: "43" }, NEXT))).toBe("s-43");
    const stranger = await signed({ sub: "44" }, "a secret that the site never had before");
    expect(await tokens.verify(stranger)).toEqual(INVALID_TOKEN);
  });

  it("hold the key of each, and not that of one that was taken out", async () => {
    const key = await keyOf(accepting(), await signed({ sub: "42" }));
    expect(await accepting({ tokenSecret: [NEXT, SECRET] }).holdsKey(key)).toBe(true);
    expect(await accepting({ tokenSecret: [NEXT] }).holdsKey(key)).toBe(false);
  });
});

describe("issuer and audience of a token", () => {
  const CLAIMS = { sub: "42", iss: "https://login.example", aud: ["chat", "shop"] };

  it.each([
    ["the issuer that is wanted", { tokenIssuer: "https://login.example" }, CLAIMS, true],
    [
      "another issuer",
      { tokenIssuer: "https://login.example" },
      { ...CLAIMS, iss: "https://evil.example" },
      false,
    ],
    ["no issuer where one is wanted", { tokenIssuer: "https://login.example" }, { sub: "42" }, false],
    ["an audience that holds the wanted one", { tokenAudience: "chat" }, CLAIMS, true],
    ["the wanted audience alone", { tokenAudience: "chat" }, { ...CLAIMS, aud: "chat" }, true],
    ["the audience of another app", { tokenAudience: "chat" }, { ...CLAIMS, aud: "shop" }, false],
    ["no audience where one is wanted", { tokenAudience: "chat" }, { sub: "42" }, false],
    ["both, where neither is wanted", {}, CLAIMS, true],
  ])(
    "let in or reject a token with %s, signed by a secret or by a key",
    async (_, options, claims, isValid) => {
      const user = isValid ? "s-42" : undefined;
      expect(await userOf(accepting(options), await signed(claims))).toBe(user);
      const site = await publishing();
      const byKey = accepting({ tokenSecret: undefined, tokenJwksUrl: site.url, ...options });
      expect(await userOf(byKey, await site.sign(claims))).toBe(user);
    },
  );

  it("are warned of where a site's keys are fetched and no audience is set", async () => {
    const { url } = await publishing();
    warnings.length = 0;
    accepting({ tokenJwksUrl: url, tokenAudience: "chat" });
    expect(warnings).toEqual([]);
    accepting({ tokenJwksUrl: url });
    expect(warnings).toEqual([expect.stringContaining("TOKEN_JWKS_URL without TOKEN_AUDIENCE")]);
  });
});

describe("the name of the key that signed a token", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("holds on every process with the same secret, and with no other secret", async () => {
    const key = await keyOf(accepting(), await signed({ sub: "42" }));
    expect(key).not.toContain(SECRET);
    expect(await accepting().holdsKey(key)).toBe(true);
    expect(await accepting({ tokenSecret: ["another secret of sufficient length!"] }).holdsKey(key)).toBe(
      false,
    );
    const site = await publishing();
    expect(await accepting({ tokenSecret: undefined, tokenJwksUrl: site.url }).holdsKey(key)).toBe(false);
  });

  it("holds for as long as the site publishes the key, also under a kid that another key has now", async () => {
    const site = await publishing();
    const tokens = accepting({ tokenSecret: undefined, tokenJwksUrl: site.url });
    const key = await keyOf(tokens, await site.sign({ sub: "42" }));
    expect(await tokens.holdsKey(key)).toBe(true);
    // A process that has not fetched the keys yet.
    expect(await accepting({ tokenJwksUrl: site.url }).holdsKey(key)).toBe(true);
    const other = await publishing();
    site.answer = (response) => void response.end(JSON.stringify({ keys: [other.jwk] }));
    vi.useFakeTimers({ now: Date.now() + 601_000, toFake: ["Date"] });
    await waitFor(async () => (await tokens.holdsKey(key)) === false, "the keys are fetched again");
    expect(await tokens.holdsKey(await keyOf(tokens, await other.sign({ sub: "42" })))).toBe(true);
  });

  it("is not decided while the keys cannot be fetched, unless they were before", async () => {
    const site = await publishing();
    const tokens = accepting({ tokenSecret: undefined, tokenJwksUrl: site.url });
    const key = await keyOf(tokens, await site.sign({ sub: "42" }));
    site.answer = undefined;
    vi.useFakeTimers({ now: Date.now() + 601_000, toFake: ["Date"] });
    expect(await tokens.holdsKey(key)).toBe(true);
    expect(await accepting({ tokenJwksUrl: site.url }).holdsKey(key)).toBeUndefined();
    expect(warnings).toContain("the keys of the site cannot be fetched");
  });
});

describe("a site whose keys cannot be fetched", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ["is away", undefined],
    ["fails", (response: ServerResponse) => void response.writeHead(500).end()],
    ["sends no JSON", (response: ServerResponse) => void response.end("<html>")],
    ["sends no keys", (response: ServerResponse) => void response.end('{"keys":5}')],
  ])("leaves a token undecided, and the operator is told once, where it %s", async (_what, answer) => {
    const site = await publishing();
    const tokens = accepting({ tokenSecret: undefined, tokenJwksUrl: site.url });
    warnings.length = 0;
    site.answer = answer;
    const token = await site.sign({ sub: "42" });
    for (const _try of [1, 2]) {
      expect(await tokens.verify(token)).toMatchObject({ ok: false, error: { code: "unavailable" } });
    }
    expect(warnings).toEqual(["the keys of the site cannot be fetched"]);
  });

  it("goes on with those that are known, and leaves only a token of another key undecided", async () => {
    const site = await publishing();
    const tokens = accepting({ tokenSecret: undefined, tokenJwksUrl: site.url });
    expect(await userOf(tokens, await site.sign({ sub: "42" }))).toBe("s-42");
    site.answer = undefined;
    vi.useFakeTimers({ now: Date.now() + 3_600_000, toFake: ["Date"] });
    expect(await userOf(tokens, await site.sign({ sub: "43" }))).toBe("s-43");
    expect(await tokens.verify(await site.sign({ sub: "44" }, "two"))).toMatchObject({
      error: { code: "unavailable" },
    });
    const other = await publishing();
    expect(await tokens.verify(await other.sign({ sub: "45" }))).toEqual(INVALID_TOKEN);
  });

  it("is asked once per second at most, however many tokens come, and again after", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const site = await publishing();
    const tokens = accepting({ tokenSecret: undefined, tokenJwksUrl: site.url });
    const token = await site.sign({ sub: "42" });
    const publish = site.answer;
    site.answer = undefined;
    for (let flood = 0; flood < 50; flood += 1) {
      expect(await tokens.verify(token)).toMatchObject({ ok: false, error: { code: "unavailable" } });
    }
    expect(site.asked).toBe(1);
    site.answer = publish;
    vi.advanceTimersByTime(1_000);
    expect(await userOf(tokens, token)).toBe("s-42");
  });

  it("is not asked for each token of a key that it does not have", async () => {
    const site = await publishing();
    const tokens = accepting({ tokenSecret: undefined, tokenJwksUrl: site.url });
    for (let flood = 0; flood < 50; flood += 1) {
      expect(await tokens.verify(await site.sign({ sub: "42" }, `unknown-${flood}`))).toEqual(INVALID_TOKEN);
    }
    expect(site.asked).toBeLessThanOrEqual(2);
  });

  it("does not keep out a user whose token is signed with the secret", async () => {
    const tokens = accepting({ tokenJwksUrl: "http://127.0.0.1:1/" });
    expect(await userOf(tokens, await signed({ sub: "42" }))).toBe("s-42");
  });
});

it("no site's tokens are accepted where none are set up", () => {
  expect(
    siteTokens({ tokenSecret: undefined, tokenJwksUrl: undefined, tokenRequired: false }, logger),
  ).toBeUndefined();
});
