import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import { siteTokens } from "../../src/identity/site-tokens.ts";

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
    { tokenSecret: SECRET, tokenJwksUrl: undefined, tokenRequired: false, ...options },
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

afterEach(() => {
  warnings.length = 0;
});

describe("a site's token", () => {
  it("names the user, their handle and its end", async () => {
    const exp = Math.floor(Date.now() / 1000) + 60;
    const token = await signed({ sub: "42", name: "Ann", exp });
    expect(await accepting().verify(token)).toEqual({ user: "s-42", handle: "Ann", endsAt: exp * 1000 });
  });

  it("never names a user that a guest could be, whatever the site calls them", async () => {
    const odd = await accepting().verify(await signed({ sub: "g 1:2/é" }));
    expect(odd?.user).toMatch(/^s_[A-Za-z0-9_-]{43}$/);
    expect((await accepting().verify(await signed({ sub: "gabc" })))?.user).toBe("s-gabc");
  });

  it.each([
    ["signed with another secret", () => signed({ sub: "42" }, "another secret of sufficient length!")],
    ["that has ended", () => signed({ sub: "42", exp: Math.floor(Date.now() / 1000) - 60 })],
    ["that is not valid yet", () => signed({ sub: "42", nbf: Math.floor(Date.now() / 1000) + 60 })],
    ["without a subject", () => signed({ name: "Ann" })],
    ["without a signature", async () => `${btoa('{"alg":"none"}')}.${btoa('{"sub":"42"}')}.`],
    ["that is no token", async () => "a.b.c"],
  ])("%s is refused, and nobody is warned", async (_what, make) => {
    expect(await accepting().verify(await make())).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it("is checked against the site's published keys, and a public key is never taken for a secret", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" };
    const server = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const tokens = accepting({ tokenSecret: undefined, tokenJwksUrl: `http://127.0.0.1:${address.port}/` });
      const good = await new SignJWT({ sub: "42" })
        .setProtectedHeader({ alg: "ES256", kid: "one" })
        .sign(privateKey);
      expect((await tokens.verify(good))?.user).toBe("s-42");
      const confused = await signed({ sub: "42" }, JSON.stringify(jwk));
      expect(await tokens.verify(confused)).toBeUndefined();
    } finally {
      server.close();
    }
  });

  it("is refused, and the operator is told, while the site's keys cannot be fetched", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    const tokens = accepting({ tokenSecret: undefined, tokenJwksUrl: "http://127.0.0.1:1/" });
    const token = await new SignJWT({ sub: "42" }).setProtectedHeader({ alg: "ES256" }).sign(privateKey);
    expect(await tokens.verify(token)).toBeUndefined();
    expect(warnings).toHaveLength(1);
  });
});

it("no site's tokens are accepted where none are set up", () => {
  expect(
    siteTokens({ tokenSecret: undefined, tokenJwksUrl: undefined, tokenRequired: false }, logger),
  ).toBeUndefined();
});
