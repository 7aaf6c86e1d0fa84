import { describe, expect, it } from "vitest";
import { LogDigest } from "../../checker/log-digest.ts";
import type { Exit, Server } from "../../kit/servers/program.ts";
import { deferred } from "../../kit/vitest/wait-for.ts";

/** A process that writes what a test says. */
function writer() {
  const lines: string[] = [];
  const exit = deferred<Exit>();
  const server: Server = {
    url: "",
    wsUrl: "",
    port: 0,
    pid: 7,
    output: () => lines,
    logs: () => lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)),
    waitForLog: () => Promise.reject(new Error("must not be awaited")),
    ready: async () => undefined,
    exit: exit.promise,
    kill: () => undefined,
    deafen: () => undefined,
    stop: () => exit.promise,
  };
  const digest = new LogDigest();
  digest.follow(server);
  const write = (...written: (string | object)[]) => {
    for (const line of written) lines.push(typeof line === "string" ? line : JSON.stringify(line));
  };
  return { digest, write };
}

describe("the digest of what processes write", () => {
  it("counts catch-ups by reason and resets, each once", () => {
    const { digest, write } = writer();
    write({ level: 30, event: "catch-up", reason: "a hole" }, { level: 40, event: "reset" });
    expect(digest.account()).toEqual({ catchUps: new Map([["a hole", 1]]), resets: 1, troubles: [] });
    write(
      { level: 30, event: "catch-up", reason: "a hole" },
      { level: 30, event: "catch-up", reason: "a loss" },
    );
    expect(digest.account()).toEqual({
      catchUps: new Map([
        ["a hole", 1],
        ["a loss", 1],
      ]),
      resets: 0,
      troubles: [],
    });
  });

  it.each([
    ["an error", { level: 50, msg: "reading the store failed" }],
    ["a fatal one", { level: 60, msg: "uncaught error, shutting down" }],
    ["what is no log line", "(node:7) Warning: something leaks"],
  ])("takes %s for trouble, and a warning for none", (_case, line) => {
    const { digest, write } = writer();
    write({ level: 40, event: "malformed", msg: "skipped what is no message" }, line);
    const { troubles } = digest.account();
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toContain("process 7");
  });
});
