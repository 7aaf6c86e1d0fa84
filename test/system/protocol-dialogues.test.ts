import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import type { ServerFrame } from "../../src/protocol/frames.ts";
import { connectV1, openV1 } from "../kit/clients/v1-client.ts";
import { startServer } from "../kit/servers/server.ts";

const PROTOCOL = new URL("../../docs/protocol.md", import.meta.url);

/** The lines of the dialogues, in the order in which the document has them. */
async function documentedLines(): Promise<string[]> {
  const document = await readFile(PROTOCOL, "utf8");
  return [...document.matchAll(/```jsonl\n(.*?)```/gs)].flatMap(([, lines = ""]) => lines.trim().split("\n"));
}

/** What the document's made-up values stand for: ids, and texts that end with an ellipsis. */
class Bindings {
  readonly #values = new Map<string, unknown>();

  /** Returns a documented value with what its made-up parts stand for. */
  resolve(documented: unknown): unknown {
    if (Array.isArray(documented)) return documented.map((item) => this.resolve(item));
    if (typeof documented === "object" && documented !== null) {
      return Object.fromEntries(
        Object.entries(documented).map(([name, value]) => [name, this.resolve(value)]),
      );
    }
    return this.#values.get(String(documented)) ?? documented;
  }

  /** Takes over what the made-up values of a documented frame are in a frame that came. */
  learn(documented: unknown, actual: unknown): void {
    if (typeof documented === "string" && isMadeUp(documented)) {
      if (documented === "…") return;
      if (!this.#values.has(documented)) this.#values.set(documented, actual);
    } else if (typeof documented === "object" && documented !== null && typeof actual === "object") {
      for (const [name, value] of Object.entries(documented))
        this.learn(value, Reflect.get(actual ?? {}, name));
    }
  }
}

function isMadeUp(value: string): boolean {
  return value.endsWith("…") || (/^\d+-\d+$/.test(value) && value !== "0-0");
}

/** A pattern of what has to come: the same members, and the same values but those that may be anything. */
function patternOf(documented: unknown): unknown {
  if (documented === "…") return expect.anything();
  if (Array.isArray(documented)) {
    return documented.includes("…") ? expect.anything() : documented.map(patternOf);
  }
  if (typeof documented === "object" && documented !== null) {
    return Object.fromEntries(Object.entries(documented).map(([name, value]) => [name, patternOf(value)]));
  }
  return documented;
}

it("answers the conversations of docs/protocol.md as the document says", async () => {
  const { wsUrl } = await startServer();
  const bindings = new Bindings();
  let ada = await openV1(wsUrl);
  let ben: Awaited<ReturnType<typeof connectV1>> | undefined;
  const lines = await documentedLines();
  expect(lines.length).toBeGreaterThan(12);
  for (const line of lines) {
    const json = line.slice(2);
    if (line.startsWith("→ ")) {
      const frame = JSON.parse(json);
      ada.connection.send(bindings.resolve(frame));
      // Ben sees what is stored even where Ada is not told.
      if (ben !== undefined && frame.type === "message") await ben.waitForText(frame.text);
    } else if (line.startsWith("← ")) {
      const documented = JSON.parse(json);
      const isSame = (frame: ServerFrame): boolean =>
        frame.type === documented.type && (!("ref" in frame) || frame.ref === documented.ref);
      const frame = await ada.waitFor(isSame, `the answer ${json}`);
      bindings.learn(documented, frame);
      expect(frame).toEqual(patternOf(bindings.resolve(documented)));
      ben ??=
        documented.code === "not-joined" ? await connectV1(wsUrl, { room: "tea", handle: "Ben" }) : undefined;
    } else {
      const text = /writes "(.+)"/.exec(line)?.[1] ?? "";
      ada.terminate();
      await ben?.say("tea", text);
      ada = await openV1(wsUrl);
    }
  }
});
