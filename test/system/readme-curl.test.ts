import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { ROOT } from "../kit/servers/program.ts";
import { startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

/** The commands of a section's shell examples, one each, whatever lines they stand on. */
async function commandsOf(heading: string): Promise<string[]> {
  const readme = await readFile(`${ROOT}README.md`, "utf8");
  const section = readme.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const examples = [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text = ""]) => text);
  return examples.join("").replaceAll("\\\n", " ").trim().split("\n");
}

/** What a command has printed so far. It ends with the test. */
function run(command: string): { output: () => string; ended: () => boolean } {
  const child = spawn("sh", ["-c", `exec ${command}`], { stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  let ended = false;
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.on("close", () => {
    ended = true;
  });
  afterwards(() => child.kill());
  return { output: () => output, ended: () => ended };
}

describe("the README's examples of HTTP", () => {
  it("do what it says: read, follow, and say something once", async () => {
    const commands = await commandsOf("Use it over HTTP");
    expect(commands).toHaveLength(3);
    const server = await startServer({ env: { API_KEYS: "a-key-of-16-letters-or-more" } });
    await server.ready();
    const here = commands.map((command) => command.replaceAll("http://localhost:3000", server.url));
    const [read, follow, say] = here as [string, string, string];
    const followed = run(follow);
    await waitFor(() => followed.output().includes("event: joined"), "the stream has begun");
    const said = run(say);
    await waitFor(said.ended, "it is said");
    const { id } = JSON.parse(said.output());
    await waitFor(() => followed.output().includes(`id: ${id}\n`), "the stream brings it");
    expect(followed.output()).toContain('"handle":"CI","text":"Build 17 is green."');
    const again = run(say);
    await waitFor(again.ended, "it is said again");
    expect(JSON.parse(again.output())).toEqual({ id, duplicate: true });
    const page = run(read);
    await waitFor(page.ended, "the page is read");
    expect(JSON.parse(page.output()).messages).toMatchObject([{ id, text: "Build 17 is green." }]);
  });
});
