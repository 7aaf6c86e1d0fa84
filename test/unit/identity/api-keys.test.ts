import fastify from "fastify";
import { describe, expect, it } from "vitest";
import { Counters } from "../../../src/chat/counters.ts";
import { ProgramKeys } from "../../../src/http/api/program-keys.ts";
import { ApiKeys } from "../../../src/identity/api-keys.ts";
import { ClientAddresses } from "../../../src/transport/client-address.ts";
import { RecordingLogger } from "../../kit/logger.ts";

const [ONE, OTHER] = ["0123456789abcdef", "fedcba9876543210"];

describe("the keys of programs", () => {
  it("each name one user, the same at every start and not the key itself", () => {
    const user = new ApiKeys([ONE, OTHER]).recognise(ONE)?.user;
    expect(user).toMatch(/^p-[A-Za-z0-9_-]{16}$/);
    expect(user).not.toContain(ONE.slice(0, 4));
    expect(new ApiKeys([OTHER, ONE]).recognise(ONE)?.user).toBe(user);
    expect(new ApiKeys([OTHER]).recognise(OTHER)?.user).not.toBe(user);
  });

  it.each(["", ONE.slice(0, -1), `${ONE}0`, ONE.toUpperCase()])(
    "are not %j, which is only like one",
    (key) => {
      expect(new ApiKeys([ONE]).recognise(key)).toBeUndefined();
    },
  );
});

function programsWith(keys: readonly string[]): ProgramKeys {
  const logger = new RecordingLogger();
  const counters = new Counters();
  return new ProgramKeys(new ApiKeys(keys), { addresses: new ClientAddresses(logger), counters, logger });
}

describe("a route for programs only", () => {
  async function ask(keys: readonly string[], authorization?: string) {
    const app = fastify();
    app.get("/secret", { preHandler: programsWith(keys).only }, async () => ({ secret: 42 }));
    const headers = authorization === undefined ? {} : { authorization };
    return app.inject({ url: "/secret", headers });
  }

  it("lets a program with a key through", async () => {
    for (const authorization of [`Bearer ${OTHER}`, `bearer  ${ONE}`]) {
      expect((await ask([ONE, OTHER], authorization)).json()).toEqual({ secret: 42 });
    }
  });

  it.each([undefined, "Bearer nobody-has-this-key", `Basic ${ONE}`, ONE, "Bearer", `Bearer ${ONE} ${OTHER}`])(
    "answers 401 to Authorization: %s",
    async (authorization) => {
      const answer = await ask([ONE, OTHER], authorization);
      expect(answer.statusCode).toBe(401);
      expect(answer.headers["www-authenticate"]).toBe("Bearer");
      expect(answer.json()).toMatchObject({ code: "unauthorized", retryable: false });
      expect(answer.body).not.toContain("42");
    },
  );

  it("answers 403 where the server has no keys, whatever is sent", async () => {
    const answer = await ask([], `Bearer ${ONE}`);
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({ code: "forbidden", retryable: false });
  });
});
