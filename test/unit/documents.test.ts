import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { CLOSE, ERRORS, KEY, LIMITS, ROOM, SUBPROTOCOL } from "../../src/protocol.ts";
import { SETTINGS } from "../../src/settings/table.ts";

function read(name: string): Promise<string> {
  return readFile(new URL(`../../${name}`, import.meta.url), "utf8");
}

/** What stands in the first column of the tables of a section, one piece of code each. */
function firstColumn(markdown: string, heading: string): string[] {
  const section = markdown.split(/^##+ /m).find((part) => part.startsWith(heading)) ?? "";
  const rows = section.split("\n").filter((line) => /^\| [^|]*[`\d]/.test(line));
  return rows.flatMap((row) =>
    (row.split("|")[1] ?? "").split(",").map((cell) => cell.replaceAll("`", "").trim()),
  );
}

describe("docs/protocol.md", () => {
  it("lists exactly the error and close codes that the program has", async () => {
    const listed = firstColumn(await read("docs/protocol.md"), "6. Errors");
    expect(listed.sort()).toEqual([...Object.keys(ERRORS), ...Object.values(CLOSE).map(String)].sort());
  });

  it("calls retryable exactly the errors that are", async () => {
    const text = await read("docs/protocol.md");
    for (const [code, { retryable }] of Object.entries(ERRORS)) {
      const row = text
        .split("\n")
        .find((line) => line.startsWith("| `") && line.split("|")[1]?.includes(`\`${code}\``));
      expect([code, /retryable/.test(row ?? "")]).toEqual([code, retryable]);
    }
  });

  it("has the program's words and numbers", async () => {
    const text = await read("docs/protocol.md");
    for (const word of [SUBPROTOCOL, ROOM.source.slice(1, -1), KEY.source.slice(1, -1)])
      expect(text).toContain(`\`${word}\``);
    const {
      frameBytes,
      answerBytes,
      answerMessages,
      joinMessages,
      helloMs,
      unavailableMs,
      pingMs,
      typingMs,
    } = LIMITS;
    for (const phrase of [
      `at most ${frameBytes / 1024} KiB`,
      `end at ${answerBytes / 1024} KiB`,
      `0 to ${answerMessages}, default ${joinMessages}`,
      `within ${helloMs / 1000} s of opening`,
      `fail within ${unavailableMs / 1000} s`,
      `nothing else was for ${pingMs / 1000} s`,
      `lapses after ${typingMs / 1000} s`,
      `for ${LIMITS.keyMs / 60_000} minutes`,
      `Above ${LIMITS.hintWaterline / 1024} KiB waiting`,
      `above ${LIMITS.closeWaterline / 1024 / 1024} MiB`,
      `above ${LIMITS.presenceNames} people`,
      `the ${LIMITS.badFrames}th bad frame within ${LIMITS.badFrameWindowMs / 1000} s`,
      `${LIMITS.refusals} refusals as rate-limited within ${LIMITS.refusalWindowMs / 1000} s`,
      `1 to ${LIMITS.handleLength} code points`,
      `${LIMITS.requestsPerSecond} a second, and ${LIMITS.requestBurst} at once`,
    ]) {
      expect(text.replaceAll("\n", " ")).toContain(phrase);
    }
  });
});

describe("README.md", () => {
  it("names the two commands as one types them", async () => {
    const lines = (await read("README.md")).split("\n");
    expect(lines).toContain("npm ci && npm start");
    expect(lines).toContain("npm ci && npm test");
  });

  it("links only to files that are there", async () => {
    const links = [...(await read("README.md")).matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(
      ([, target]) => target,
    );
    expect(links.length).toBeGreaterThan(0);
    for (const target of links) await expect(read(target ?? "")).resolves.toBeDefined();
  });
});

describe("app.json", () => {
  it("sets only variables that the program reads, to values that it accepts", async () => {
    const app: { env: Record<string, { value?: string; generator?: string; description: string }> } =
      JSON.parse(await read("app.json"));
    for (const [name, { value, generator, description }] of Object.entries(app.env)) {
      const setting = Object.values(SETTINGS).find(({ names }) => names[0] === name);
      expect(setting, name).toBeDefined();
      expect(description).toMatch(/\w+ \w+/);
      // The platform's generator draws 64 hexadecimal digits.
      const given = generator === "secret" ? "0123456789abcdef".repeat(4) : value;
      if (given !== undefined) expect(setting?.kind.read(given), name).toBeDefined();
    }
  });

  it("asks for what the Procfile and the program need", async () => {
    const app: Record<string, unknown> = JSON.parse(await read("app.json"));
    expect(app).toMatchObject({
      stack: "heroku-24",
      buildpacks: [{ url: "heroku/nodejs" }],
      addons: [expect.objectContaining({ plan: "heroku-redis:mini" })],
      formation: { web: { quantity: 1 } },
    });
  });
});
