import { readdir, readFile } from "node:fs/promises";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { CLOSE, ERRORS } from "../../../src/protocol/codes.ts";
import { SUBPROTOCOL } from "../../../src/protocol/frames.ts";
import { KEY, ROOM } from "../../../src/protocol/ids.ts";
import { LIMITS } from "../../../src/protocol/limits.ts";
import { SETTINGS } from "../../../src/settings/table.ts";

function read(name: string): Promise<string> {
  return readFile(new URL(`../../../${name}`, import.meta.url), "utf8");
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
      `at most ${LIMITS.messageFragments} fragments`,
      `more than ${LIMITS.messageFragments} fragments`,
      `within ${LIMITS.messageMs / 1000} s of its first byte`,
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
      `1 to ${LIMITS.handleLength} characters`,
      `${SETTINGS.requestsPerSecond.default} requests per second, and 200 at once`,
      `${SETTINGS.addressRequestsPerSecond.default} per second, and 2,000 at once`,
    ]) {
      expect(text.replaceAll("\n", " ")).toContain(phrase);
    }
  });
});

describe("docs/architecture.md", () => {
  it("names only files and folders of the source that are there", async () => {
    const text = await read("docs/architecture.md");
    const source = await readdir(new URL("../../../src", import.meta.url), { recursive: true });
    const files = source.map((file) => `/${file}`);
    const named = [...text.matchAll(/`([\w/-]+(?:\.ts|\.lua|\/))`/g)].map(([, name]) => name ?? "");
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !isThere(name, files))).toEqual([]);
  });

  it("describes every folder of the source", async () => {
    const text = await read("docs/architecture.md");
    const source = await readdir(new URL("../../../src", import.meta.url), { recursive: true });
    const folders = new Set(
      source.filter((file) => /\/.*\.ts$/.test(file)).map((file) => file.split("/")[0]),
    );
    expect([...folders].filter((name) => !new RegExp(`^  ${name}/ `, "m").test(text))).toEqual([]);
  });
});

/** A file by the end of its path, or a folder by its path; `test/…` stands for the repository's. */
function isThere(name: string, files: readonly string[]): boolean {
  if (name.startsWith("test/")) return true;
  if (name.endsWith("/")) return files.some((file) => file.includes(`/${name}`));
  return files.some((file) => file.endsWith(`/${name}`));
}

describe("README.md", () => {
  it("names the two commands as the user types them", async () => {
    const lines = (await read("README.md")).split("\n");
    expect(lines).toContain("npm ci && npm start");
    expect(lines).toContain("npm ci && npm test");
  });
});

describe("every document", () => {
  it("links only to files that are there", async () => {
    const docs = (await readdir(new URL("../../../docs/", import.meta.url))).filter((name) =>
      name.endsWith(".md"),
    );
    const documents = ["README.md", ...docs.map((name) => `docs/${name}`)];
    expect(documents.length).toBeGreaterThan(5);
    for (const document of documents) {
      const links = (await read(document)).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g);
      for (const [, target = ""] of links)
        await expect(
          read(posix.join(posix.dirname(document), target)),
          `${document}: ${target}`,
        ).resolves.toBeDefined();
    }
  });
});
