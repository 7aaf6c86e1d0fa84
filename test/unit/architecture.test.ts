import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type Import, importsOf } from "../kit/imports.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What a part of the house may import; everything else is forbidden. A name that ends in / is a folder. */
interface Rule {
  readonly part: string;
  readonly only: readonly string[];
  readonly never?: readonly string[];
}

const CONTRACT = [
  "src/log/log.ts",
  "src/log/entry.ts",
  "src/log/presence-hint.ts",
  "src/log/numbered-handle.ts",
  "src/log/within.ts",
];
const WORDS = ["src/protocol.ts", "src/logger.ts", "src/complaints.ts"];
/** The one reader of a Redis URL: settings check with it what the log connects to. */
const REDIS_URL = "src/redis-url.ts";
/** The one reader of an origin: settings check with it what requests are compared with. */
const ORIGINS = "src/origins.ts";
/** How sockets and streams tell whether their peer takes anything. */
const WRITE_PROGRESS = "src/write-progress.ts";
/** What would let a part talk to the world by itself. */
const WIRES = [
  "node:net",
  "node:http",
  "node:https",
  "node:http2",
  "node:tls",
  "node:dgram",
  "node:child_process",
];
const EDGE = [
  "src/chat/",
  "src/watch/",
  ...CONTRACT,
  ...WORDS,
  "src/identity/",
  ORIGINS,
  WRITE_PROGRESS,
  "src/settings.ts",
  "src/settings/",
  "node:",
];

/** The arrows of the house; for a file the first rule that fits counts. */
const HOUSE: readonly Rule[] = [
  { part: "src/protocol.ts", only: [] },
  { part: "src/logger.ts", only: [] },
  { part: "src/complaints.ts", only: ["src/logger.ts"] },
  { part: REDIS_URL, only: [] },
  { part: ORIGINS, only: ["node:net"] },
  { part: "src/status-view.ts", only: [] },
  { part: WRITE_PROGRESS, only: ["node:net", "node:stream"] },
  { part: "src/client/", only: ["src/client/", "src/protocol.ts"] },
  { part: "src/page/", only: ["src/page/", "src/client/", "src/protocol.ts", "src/status-view.ts"] },
  { part: "src/chat/", only: ["src/chat/", ...CONTRACT, ...WORDS, "typebox", "node:"], never: WIRES },
  { part: "src/log/redis/", only: ["src/log/", ...WORDS, REDIS_URL, "ioredis", "node:"] },
  { part: "src/log/", only: ["src/log/", ...WORDS, "node:"], never: [...WIRES, "src/log/redis/"] },
  {
    part: "src/identity/",
    only: [
      "src/identity/",
      "src/chat/site-token.ts",
      "src/chat/result.ts",
      ...CONTRACT,
      ...WORDS,
      "jose",
      "node:",
    ],
    never: WIRES,
  },
  {
    part: "src/watch/",
    only: ["src/watch/", "src/chat/", ...CONTRACT, ...WORDS, "typebox", "node:"],
    never: WIRES,
  },
  { part: "src/settings/", only: ["src/settings/", "src/protocol.ts", REDIS_URL, ORIGINS, "node:"] },
  { part: "src/settings.ts", only: ["src/settings/"] },
  {
    part: "src/sockets/",
    only: [
      ...EDGE,
      "src/sockets/",
      "src/http/chat-cookies.ts",
      "src/http/client-address.ts",
      "src/http/guest-cookie.ts",
      "src/http/hosts.ts",
      "src/http/origin.ts",
      "ws",
      "fastify",
      "fastify-plugin",
      "@fastify/",
    ],
  },
  {
    part: "src/http/",
    only: [
      ...EDGE,
      "src/http/",
      "src/status-view.ts",
      "cookie",
      "typebox",
      "fastify",
      "fastify-plugin",
      "@fastify/",
      "prom-client",
    ],
    never: ["@fastify/websocket"],
  },
];

/** What remains puts the rooms together: it may use all of them, but not what they keep to themselves. */
const ENTRANCE: Rule = {
  part: "src/",
  only: ["src/", "node:", "fastify", "fastify-plugin", "@fastify/", "pino", "dotenv"],
};

function violations(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to }) => !allows(ruleFor(from), to))
    .map(({ from, to }) => `${from} imports ${to}`);
}

function ruleFor(file: string): Rule {
  return HOUSE.find(({ part }) => matches(part, file)) ?? ENTRANCE;
}

function allows(rule: Rule, target: string): boolean {
  return (
    rule.only.some((name) => matches(name, target)) && !rule.never?.some((name) => matches(name, target))
  );
}

function matches(name: string, target: string): boolean {
  if (name.endsWith("/") || name.endsWith(":")) return target.startsWith(name);
  return target === name || target.startsWith(`${name}/`);
}

const files = readdirSync(`${ROOT}src`, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/${name}`);

describe("the arrows of the house", () => {
  it("point in one direction only", () => {
    const imports = files.flatMap((file) => importsOf(file, readFileSync(`${ROOT}${file}`, "utf8")));
    expect(imports.length).toBeGreaterThan(files.length);
    expect(violations(imports)).toEqual([]);
  });

  it("start in every part: no rule stands for a folder that is gone", () => {
    const unused = HOUSE.filter(({ part }) => !files.some((file) => matches(part, file)));
    expect(unused).toEqual([]);
  });
});

describe("the check of the arrows", () => {
  it.each([
    ["src/chat/room.ts", 'import { Redis } from "ioredis";'],
    ["src/chat/room.ts", 'import type { FastifyInstance } from "fastify";'],
    ["src/chat/room.ts", 'export { WebSocket } from "ws";'],
    ["src/chat/room.ts", 'export * from "pino";'],
    ["src/chat/room.ts", 'const { connect } = await import("node:net");'],
    ["src/chat/room.ts", 'type Log = import("../log/memory.ts").MemoryLog;'],
    ["src/chat/room.ts", 'import ws = require("ws");'],
    ["src/chat/room.ts", 'const ws = require("ws");'],
    ["src/chat/room.ts", 'import "../sockets/socket.ts";'],
    ["src/chat/room.ts", 'import { readSettings } from "../settings.ts";'],
    ["src/chat/room.ts", 'import { app } from "../app.ts";'],
    ["src/log/memory.ts", 'import { Room } from "../chat/room.ts";'],
    ["src/log/memory.ts", 'import { Redis } from "ioredis";'],
    ["src/log/memory.ts", 'import { load } from "./redis/scripts.ts";'],
    ["src/log/redis/redis-log.ts", 'import { Room } from "../../chat/room.ts";'],
    ["src/client/client.ts", 'import { readFile } from "node:fs";'],
    ["src/client/client.ts", 'import { Room } from "../chat/room.ts";'],
    ["src/page/main.ts", 'import { Room } from "../chat/room.ts";'],
    ["src/protocol.ts", 'import type { Log } from "./log/log.ts";'],
    ["src/sockets/socket.ts", 'import { MemoryLog } from "../log/memory.ts";'],
    ["src/sockets/socket.ts", 'import { Redis } from "ioredis";'],
    ["src/http/health.ts", 'import { RedisLog } from "../log/redis/redis-log.ts";'],
    ["src/http/health.ts", 'import websocket from "@fastify/websocket";'],
    ["src/app.ts", 'import { Redis } from "ioredis";'],
    ["src/main.ts", 'import { WebSocket } from "ws";'],
  ])("sees the planted violation in %s: %s", (file, text) => {
    expect(violations(importsOf(file, text))).toHaveLength(1);
  });

  it("lets pass what the house allows", () => {
    const text = `
      import { randomUUID } from "node:crypto";
      import type { Log } from "../log/log.ts";
      import { Compile } from "typebox/compile";
      // import { Redis } from "ioredis";
      const sentence = 'import { Redis } from "ioredis"';
      export { LIMITS } from "../protocol.ts";
      export const name = "ws";
    `;
    expect(importsOf("src/chat/room.ts", text)).toHaveLength(4);
    expect(violations(importsOf("src/chat/room.ts", text))).toEqual([]);
  });

  it("refuses an import whose target it cannot read", () => {
    expect(() => importsOf("src/chat/room.ts", "await import(name);")).toThrow("only a run can tell");
  });
});
