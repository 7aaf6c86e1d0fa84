import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { ROOT } from "../kit/servers/program.ts";

/** Runs the command of the package, in a folder without a file of settings. */
function dynochat(args: readonly string[], env: Record<string, string> = {}) {
  const { bin } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));
  return spawnSync(process.execPath, [`${ROOT}${bin.dynochat}`, ...args], {
    cwd: tmpdir(),
    env: { ...process.env, TOKEN_SECRET: "0123456789abcdef0123456789abcdef", ...env },
    encoding: "utf8",
  });
}

describe("the command dynochat", () => {
  it("writes the token alone to its standard output", () => {
    const { status, stdout, stderr } = dynochat(["token", "--sub", "ann"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/);
  });

  it.each([
    [[], {}],
    [["token", "--sub", "ann"], { TOKEN_SECRET: "" }],
  ])("ends with 2 and one line on standard error where it cannot: %j, %j", (args, env) => {
    const { status, stdout, stderr } = dynochat(args, env);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^dynochat: .+\n$/);
  });
});
