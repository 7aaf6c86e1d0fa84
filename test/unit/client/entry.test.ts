import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dynochat-client-"));
const ENTRY = join(folder, "client/index.d.ts");

function compile(...options: string[]): string {
  try {
    return execFileSync(join(ROOT, "node_modules/.bin/tsc"), options, { cwd: ROOT, encoding: "utf8" });
  } catch (error) {
    return error instanceof Error && "stdout" in error ? String(error.stdout) : String(error);
  }
}

beforeAll(() => {
  const emit =
    "--declaration --emitDeclarationOnly --stripInternal --ignoreConfig --rootDir src --target es2023";
  const sources = "--module nodenext --rewriteRelativeImportExtensions --types node --skipLibCheck";
  expect(compile("src/client/index.ts", "--outDir", folder, ...`${emit} ${sources}`.split(" "))).toBe("");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A file's declarations: what each names, and where what it imports is declared. */
function declarations(file: string) {
  const text = readFileSync(file, "utf8")
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/\/\/.*|"[^"\n]*"(?!;)/g, "");
  const imported = new Map<string, string>();
  for (const [, names = "", from = ""] of text.matchAll(
    /(?:import|export)(?: type)? \{([^}]*)\} from "([^"]*)"/g,
  )) {
    const path = join(dirname(file), from.replace(/\.[jt]s$/, ".d.ts"));
    for (const name of names.split(",")) imported.set(name.replace("type ", "").trim(), path);
  }
  const pieces = text.split(/^(?=export |declare |interface |type )/m);
  const declared = new Map<string, string>();
  for (const piece of pieces) {
    const name = /^(?:export )?(?:declare )?(?:interface|class|type|const|function) (\w+)/.exec(piece)?.[1];
    if (name !== undefined) declared.set(name, piece);
  }
  return { imported, declared };
}

/** Every exported type that can be reached from what the entry exports. */
function reachable(): Set<string> {
  const seen = new Set<string>();
  const visit = (name: string, file: string): void => {
    const { imported, declared } = declarations(file);
    const piece = declared.get(name);
    const from = imported.get(name);
    if (piece === undefined && from !== undefined) visit(name, from);
    if (piece === undefined || seen.has(name)) return;
    if (/^export (declare )?(interface|class|type) /.test(piece)) seen.add(name);
    for (const [word] of piece.matchAll(/\b[A-Z]\w+\b/g)) {
      if (word !== name && (declared.has(word) || imported.has(word))) visit(word, file);
    }
  };
  for (const name of declarations(ENTRY).imported.keys()) visit(name, ENTRY);
  return seen;
}

const CONSUMER = `
import {
  ChatClient, MemoryTokenStore, SendRefused, openStandardSocket, systemClock,
  type ChatClientEvents, type ChatClientOptions, type ConnectionState, type ErrorFrame, type Message, type OlderOutcome,
  type Outgoing, type Person, type Room, type RoomEvents, type RoomState, type SendProblem, type TokenStore,
} from "./client/index.js";

const tokens: TokenStore = new MemoryTokenStore();
const options: ChatClientOptions = {
  url: "wss://chat.example/ws", tokens, openSocket: openStandardSocket, clock: systemClock, getToken: async () => undefined,
};
const client = new ChatClient(options);
const room: Room = client.join("lobby");
export function sentence(state: ConnectionState): string {
  return state.name === "closed" ? state.reason : state.name === "waiting" ? state.cause : "";
}
export function subscribe<K extends keyof RoomEvents>(event: K, told: () => void): () => void {
  return room.on(event, told);
}
export const snapshots: [readonly Message[], readonly Outgoing[], readonly Person[]] = [
  room.messages, room.outgoing, room.people.typing,
];
export const state: RoomState = room.state;
export const older: Promise<OlderOutcome> = room.loadOlder();
client.on("error", (error: ErrorFrame) => error.code === "forbidden");
const refused: (sentence: ChatClientEvents["handle-refused"]) => void = () => undefined;
client.on("handle-refused", refused);
export function send(text: string): SendProblem | string {
  try {
    return room.send(text);
  } catch (error) {
    if (error instanceof SendRefused) return error.message;
    throw error;
  }
}
`;

describe("dynochat/client", () => {
  it("is the file that package.json names", () => {
    const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(exports["./client"]).toEqual({
      types: "./dist/client/index.d.ts",
      default: "./dist/client/index.js",
    });
  });

  it("exports every type that its interface names", () => {
    const { imported } = declarations(ENTRY);
    const found = reachable();
    expect([...found]).toEqual(expect.arrayContaining(["ChatClient", "Room", "Outgoing", "Clock"]));
    // Inherited members are listed with the class, because the base is not named.
    expect([...found].filter((name) => !imported.has(name) && name !== "Events")).toEqual([]);
  });

  it("can be written against with the types it exports, and without those of Node or of a browser", () => {
    const file = join(folder, "consumer.ts");
    writeFileSync(file, CONSUMER);
    const options = [
      "--strict",
      "--target",
      "es2022",
      "--module",
      "nodenext",
      "--types",
      "",
      "--lib",
      "es2022",
    ];
    expect(compile(file, "--noEmit", "--ignoreConfig", ...options)).toBe("");
  });
});
