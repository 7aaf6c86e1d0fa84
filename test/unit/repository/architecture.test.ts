import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type Import, importsOf } from "../../kit/imports.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** What a part may import; everything else is forbidden. A name that ends in / is a folder. */
interface Rule {
  readonly part: string;
  readonly only: readonly string[];
  readonly never?: readonly string[];
}

const STORE_CONTRACT = [
  "src/store/store.ts",
  "src/store/access.ts",
  "src/store/message-reports.ts",
  "src/store/entry.ts",
  "src/store/ephemeral.ts",
  "src/store/numbered-handle.ts",
  "src/store/with-timeout.ts",
];
/** What every part of the server may use. */
const EVERYWHERE = ["src/protocol/", "src/logging/logger.ts", "src/logging/throttled-logger.ts", "node:"];
/** The one reader of a Redis URL: settings check with it what the store connects to. */
const REDIS_URL = "src/store/redis/redis-url.ts";
/** The one reader of an origin: settings check with it what requests are compared with. */
const ORIGINS = "src/settings/origins.ts";
/** The readers of program keys and of patterns of rooms: settings check with them what the chat goes by. */
const RIGHTS = [
  "src/identity/program-key.ts",
  "src/chat/rights/room-patterns.ts",
  "src/chat/rights/authorizer.ts",
  "src/identity/authenticator.ts",
];
/** The contracts between `/status` and the operator's page. */
const STATUS_VIEW = "src/http/status/status-view.ts";
const ROOM_VIEW = "src/http/status/room-view.ts";
const REPORT_VIEW = "src/http/status/report-view.ts";
/** What would let a part talk to the world by itself. */
const NETWORK = [
  "node:net",
  "node:http",
  "node:https",
  "node:http2",
  "node:tls",
  "node:dgram",
  "node:child_process",
];
const FASTIFY = ["fastify", "fastify-plugin", "@fastify/"];

/** The arrows of docs/architecture.md; for a file the first rule that fits counts. */
const RULES: readonly Rule[] = [
  { part: "src/protocol/", only: ["src/protocol/"] },
  { part: STATUS_VIEW, only: [] },
  { part: ROOM_VIEW, only: ["src/protocol/"] },
  { part: REPORT_VIEW, only: [] },
  { part: REDIS_URL, only: [] },
  { part: ORIGINS, only: ["node:net"] },
  { part: "src/client/", only: ["src/client/", "src/protocol/"] },
  {
    part: "src/page/",
    only: ["src/page/", "src/client/", "src/protocol/", STATUS_VIEW, ROOM_VIEW, REPORT_VIEW],
  },
  { part: "src/logging/", only: ["src/logging/", "pino", "node:"] },
  {
    // An option of the plugin is a function that takes Fastify's request.
    part: "src/settings/plugin-options.ts",
    only: ["src/settings/", "src/store/store.ts", ...RIGHTS, "fastify"],
  },
  {
    part: "src/settings/",
    only: ["src/settings/", "src/protocol/", "src/store/store.ts", REDIS_URL, ...RIGHTS, "node:"],
  },
  { part: "src/store/redis/", only: ["src/store/", ...EVERYWHERE, "ioredis"] },
  { part: "src/store/", only: ["src/store/", ...EVERYWHERE], never: [...NETWORK, "src/store/redis/"] },
  { part: "src/chat/", only: ["src/chat/", ...STORE_CONTRACT, ...EVERYWHERE, "typebox"], never: NETWORK },
  {
    part: "src/identity/",
    only: ["src/identity/", "src/chat/", ...STORE_CONTRACT, ...EVERYWHERE, "jose"],
    never: NETWORK,
  },
  {
    part: "src/monitoring/",
    only: ["src/monitoring/", "src/chat/", ...STORE_CONTRACT, ...EVERYWHERE, "typebox"],
    never: NETWORK,
  },
  {
    part: "src/transport/",
    only: [
      "src/transport/",
      "src/chat/",
      ...STORE_CONTRACT,
      ...EVERYWHERE,
      ORIGINS,
      "cookie",
      "ws",
      ...FASTIFY,
    ],
  },
  {
    part: "src/http/",
    only: [
      "src/http/",
      "src/transport/",
      "src/identity/",
      "src/monitoring/",
      "src/chat/",
      ...STORE_CONTRACT,
      ...EVERYWHERE,
      "cookie",
      "typebox",
      ...FASTIFY,
    ],
    never: ["@fastify/websocket", "src/transport/websocket/"],
  },
];

/**
 * What remains puts the parts together: it may use all of them, but not the libraries that they keep to
 * themselves.
 */
const ENTRANCE: Rule = {
  part: "src/",
  only: ["src/", "node:", ...FASTIFY, "pino", "dotenv"],
};

function violations(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to }) => !allows(ruleFor(from), to))
    .map(({ from, to }) => `${from} imports ${to}`);
}

/** Files that import each other, directly or by others: one line per circle. */
function circles(imports: readonly Import[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const reach = new Map([...targets.keys()].map((file) => [file, reachedFrom(file, targets)]));
  const inCircles = [...reach].filter(([file, reached]) => reached.has(file));
  const lines = inCircles.map(([file, reached]) =>
    inCircles
      .flatMap(([other]) => (reached.has(other) && reach.get(other)?.has(file) ? [other] : []))
      .join(", "),
  );
  return [...new Set(lines)];
}

function reachedFrom(file: string, targets: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set<string>();
  const next = [...(targets.get(file) ?? [])];
  for (let target = next.pop(); target !== undefined; target = next.pop()) {
    if (reached.has(target)) continue;
    reached.add(target);
    next.push(...(targets.get(target) ?? []));
  }
  return reached;
}

function ruleFor(file: string): Rule {
  return RULES.find(({ part }) => matches(part, file)) ?? ENTRANCE;
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

describe("the arrows between the parts of the program", () => {
  it("point in one direction only", () => {
    const imports = files.flatMap((file) => importsOf(file, readFileSync(`${ROOT}${file}`, "utf8")));
    expect(imports.length).toBeGreaterThan(files.length);
    expect(violations(imports)).toEqual([]);
  });

  it("form no circle of files", () => {
    const imports = files.flatMap((file) => importsOf(file, readFileSync(`${ROOT}${file}`, "utf8")));
    expect(circles(imports)).toEqual([]);
  });

  it("start in every part: no rule stands for a folder that is gone", () => {
    const unused = RULES.filter(({ part }) => !files.some((file) => matches(part, file)));
    expect(unused).toEqual([]);
  });
});

describe("the check of the arrows", () => {
  it.each([
    ["src/chat/room/room.ts", 'import { Redis } from "ioredis";'],
    ["src/chat/room/room.ts", 'import type { FastifyInstance } from "fastify";'],
    ["src/chat/room/room.ts", 'export { WebSocket } from "ws";'],
    ["src/chat/room/room.ts", 'export * from "pino";'],
    ["src/chat/room/room.ts", 'const { connect } = await import("node:net");'],
    ["src/chat/room/room.ts", 'type Store = import("../../store/memory/memory-store.ts").MemoryStore;'],
    ["src/chat/room/room.ts", 'import ws = require("ws");'],
    ["src/chat/room/room.ts", 'const ws = require("ws");'],
    ["src/chat/room/room.ts", 'import "../../transport/websocket/sockets.ts";'],
    ["src/chat/room/room.ts", 'import { readSettings } from "../../settings/settings.ts";'],
    ["src/chat/room/room.ts", 'import { app } from "../../app.ts";'],
    ["src/store/memory/memory-store.ts", 'import { Room } from "../../chat/room/room.ts";'],
    ["src/store/memory/memory-store.ts", 'import { Redis } from "ioredis";'],
    ["src/store/memory/memory-store.ts", 'import { load } from "../redis/node/scripts.ts";'],
    ["src/store/redis/redis-store.ts", 'import { Room } from "../../chat/room/room.ts";'],
    ["src/client/client.ts", 'import { readFile } from "node:fs";'],
    ["src/client/client.ts", 'import { Room } from "../chat/room/room.ts";'],
    ["src/page/main.ts", 'import { Room } from "../chat/room/room.ts";'],
    ["src/protocol/frames.ts", 'import type { Entry } from "../store/store.ts";'],
    [
      "src/transport/websocket/sockets.ts",
      'import { MemoryStore } from "../../store/memory/memory-store.ts";',
    ],
    ["src/transport/websocket/sockets.ts", 'import { Redis } from "ioredis";'],
    ["src/http/health.ts", 'import { RedisStore } from "../store/redis/redis-store.ts";'],
    ["src/http/health.ts", 'import websocket from "@fastify/websocket";'],
    ["src/app.ts", 'import { Redis } from "ioredis";'],
    ["src/main.ts", 'import { WebSocket } from "ws";'],
  ])("sees the planted violation in %s: %s", (file, text) => {
    expect(violations(importsOf(file, text))).toHaveLength(1);
  });

  it("allows what the rules allow", () => {
    const text = `
      import { randomUUID } from "node:crypto";
      import type { Entry } from "../../store/store.ts";
      import { Compile } from "typebox/compile";
      // import { Redis } from "ioredis";
      const sentence = 'import { Redis } from "ioredis"';
      export { LIMITS } from "../../protocol/limits.ts";
      export const name = "ws";
    `;
    expect(importsOf("src/chat/room/room.ts", text)).toHaveLength(4);
    expect(violations(importsOf("src/chat/room/room.ts", text))).toEqual([]);
  });

  it("finds a circle of files", () => {
    const links = [
      ["a.ts", "b.ts"],
      ["b.ts", "c.ts"],
      ["c.ts", "b.ts"],
      ["c.ts", "d.ts"],
    ].map(([from = "", to = ""]) => ({ from, to }));
    expect(circles(links)).toEqual(["b.ts, c.ts"]);
  });

  it("refuses an import whose target it cannot read", () => {
    expect(() => importsOf("src/chat/room/room.ts", "await import(name);")).toThrow("only a run can tell");
  });
});
