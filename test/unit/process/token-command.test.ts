import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { siteTokens } from "../../../src/identity/site-tokens.ts";
import { tokenCommand } from "../../../src/process/token-command.ts";
import { readSettings } from "../../../src/settings/settings.ts";
import { RecordingLogger } from "../../kit/logger.ts";

const NEW = "fedcba9876543210fedcba9876543210";
const ENV = { TOKEN_SECRET: `${NEW}, 0123456789abcdef0123456789abcdef` };

async function tokenOf(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const result = await tokenCommand(["token", ...args], { ...ENV, ...env });
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe("dynochat token", () => {
  it("signs a token that a server with the same settings accepts", async () => {
    const env = { ...ENV, TOKEN_ISSUER: "https://login.example", TOKEN_AUDIENCE: "chat" };
    const rooms = '{"team-*":"write","board":"read"}';
    const token = await tokenOf(["--sub", "ann", "--name", "Ann Ash", "--rooms", rooms], env);
    const verified = await siteTokens(readSettings(env), new RecordingLogger())?.verify(token);
    if (verified?.ok !== true) throw new Error("the token is not accepted");
    const { user, handle, rooms: rights } = verified.value;
    expect([user, handle]).toEqual(["s-ann", "Ann Ash"]);
    expect(["team-17", "board", "other"].map((room) => rights?.of(room))).toEqual([
      "write",
      "read",
      undefined,
    ]);
  });

  it("signs with the first of several secrets", async () => {
    const token = await tokenOf(["--sub", "ann"]);
    const tokens = siteTokens(readSettings({ TOKEN_SECRET: NEW }), new RecordingLogger());
    expect(await tokens?.verify(token)).toMatchObject({ ok: true, value: { user: "s-ann" } });
  });

  it("names nothing that was not asked for, and expires after an hour or what --minutes says", async () => {
    for (const [args, seconds] of [
      [[], 3_600],
      [["--minutes", "2"], 120],
    ] as const) {
      const { exp = 0, iat = 0, ...claims } = decodeJwt(await tokenOf(["--sub", "ann", ...args]));
      expect(claims).toEqual({ sub: "ann" });
      expect(Math.abs(exp - iat - seconds)).toBeLessThanOrEqual(1);
    }
  });

  it.each([
    [[], {}, "usage: dynochat token --sub"],
    [["tokens", "--sub", "ann"], {}, "usage: dynochat token --sub"],
    [["token"], {}, "--sub names the user and is missing"],
    [["token", "--sub", ""], {}, "--sub names the user and is missing"],
    [["token", "--sub"], {}, "--sub"],
    [["token", "--sub", "ann", "--role", "admin"], {}, "--role"],
    [["token", "ann"], {}, "ann"],
    [["token", "--sub", "ann", "--minutes", "soon"], {}, "--minutes must be a whole number from 1 to"],
    [["token", "--sub", "ann", "--minutes", "0"], {}, "--minutes must be a whole number from 1 to"],
    [["token", "--sub", "ann", "--rooms", "team"], {}, "--rooms must be an object of rooms and rights"],
    [["token", "--sub", "ann", "--rooms", '{"team":"own"}'], {}, "--rooms must be an object"],
    [["token", "--sub", "ann", "--rooms", "null"], {}, "--rooms must be an object"],
    [["token", "--sub", "ann"], { TOKEN_SECRET: "" }, "TOKEN_SECRET is not set"],
    [["token", "--sub", "ann"], { TOKEN_SECRET: "hunter2" }, "TOKEN_SECRET: what was given (not shown)"],
  ])("says in one line what is wrong with %j and %j", async (args, env, sentence) => {
    const result = await tokenCommand(args, { ...ENV, ...env });
    if (result.ok) throw new Error("accepted");
    expect(result.error).toContain(sentence);
    expect(result.error).not.toMatch(/\n|hunter2/);
  });
});
