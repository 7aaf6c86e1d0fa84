import { describe, expect, it } from "vitest";
import { ApiKeys } from "../../../src/identity/api-keys.ts";
import { readProgramKey } from "../../../src/identity/program-key.ts";

const KEY = "0123456789abcdef";

describe("a program's key", () => {
  it("alone may write everywhere and operate", () => {
    const read = readProgramKey(KEY);
    expect(read).toMatchObject({ key: KEY, name: undefined, mayOperate: true });
    expect(read?.rooms.of("any-room")).toBe("write");
  });

  it("with a name has the rights that it names, and no others", () => {
    const read = readProgramKey(`bot:${KEY}:write@support-*+read@lobby+none@support-secret`);
    expect(read).toMatchObject({ key: KEY, name: "bot", mayOperate: false });
    const rights = ["support-1", "support-secret", "lobby", "lobby-2"].map((room) => read?.rooms.of(room));
    expect(rights).toEqual(["write", "none", "read", undefined]);
    expect(readProgramKey(`desk:${KEY}:operate+moderate@*`)?.mayOperate).toBe(true);
  });

  it.each([
    "short",
    `bot:${KEY}`,
    `bot:${KEY}:`,
    `:${KEY}:write@*`,
    `a bot:${KEY}:write@*`,
    "bot:short:write@*",
    `bot:${KEY}:admin@*`,
    `bot:${KEY}:write`,
    `bot:${KEY}:write@`,
    `bot:${KEY}:write@*a`,
    `bot:${KEY}:write@a*b`,
    `bot:${KEY}:write@lobby@attic`,
    `bot:${KEY}:write@lobby+read@lobby`,
    `bot:${KEY}:operate@lobby`,
    `bot:${KEY}:write@lobby:more`,
  ])("is not %j", (text) => {
    expect(readProgramKey(text)).toBeUndefined();
  });

  it("may be replaced: two keys with one name are one user, with the rights of the key that is shown", () => {
    const keys = new ApiKeys([`bot:${KEY}:read@lobby`, `bot:fedcba9876543210:write@lobby`]);
    const [before, after] = [keys.recognise(KEY), keys.recognise("fedcba9876543210")];
    expect([before?.user, after?.user]).toEqual(["p-bot", "p-bot"]);
    expect([before?.rooms.of("lobby"), after?.rooms.of("lobby")]).toEqual(["read", "write"]);
    expect(before?.handle).toBe("bot");
  });
});
