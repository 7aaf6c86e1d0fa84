import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { CLAIM_MS, FRESH_MS, MAX_CLAIMS, SWEEP_MS } from "../../claim-limits.ts";
import { MAX_REPORTS, OPEN_REPORTS, REPORT_MS } from "../../message-reports.ts";
import { DIGIT_LOOKS, LAST_NUMBER } from "../../numbered-handle.ts";
import { isReply } from "../errors.ts";

/** Constants of handles.lua. */
const HANDLE_CONSTANTS = {
  CLAIM_MS,
  FRESH_MS,
  MAX_CLAIMS,
  SWEEP_MS,
  LAST_NUMBER,
  DIGIT_LOOKS,
} as const;

/** Constants of report.lua. */
const REPORT_CONSTANTS = {
  MAX_REPORTS,
  REPORT_MS,
  MAX_OF_USER: OPEN_REPORTS.user,
  MAX_OF_NETWORK: OPEN_REPORTS.network,
} as const;

/** A Lua script. */
export class Script {
  readonly body: string;
  /** SHA-1 of the body in hex, for EVALSHA. */
  readonly sha: string;

  /**
   * @param constants names that the script uses, and their values; a text must not have line breaks.
   * @param libraries code that is prepended.
   */
  constructor(
    file: URL,
    constants: Readonly<Record<string, number | string>> = {},
    libraries: readonly string[] = [],
  ) {
    this.body = definitions(constants).join("") + libraries.join("") + textOf(file);
    this.sha = createHash("sha1").update(this.body).digest("hex");
  }

  /**
   * Runs the script. A server that does not know it (scripts were flushed, or a failover changed the server)
   * gets the whole body. That cannot reorder the runs of a caller who awaits each one; other callers need
   * OrderedScript.
   */
  async run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return redis.eval(this.body, keys.length, ...keys, ...args);
    }
  }
}

/** handles.lua as a function, which costs nothing if it is not called. */
export const HANDLE_RULES = `local function handleRules(prefix)\n${definitions(HANDLE_CONSTANTS).join("")}${textOf(lua("../presence/handles.lua"))}end\n`;

/** entries.lua, the functions of scripts that add an entry to a room's stream. */
export const ENTRY_FUNCTIONS = textOf(lua("../messages/entries.lua"));

/** reports.lua, the functions of scripts that change reports of messages. */
const REPORT_FUNCTIONS = textOf(lua("../messages/reports.lua"));

export const SYNC_PRESENCE = new Script(lua("../presence/sync.lua"));
export const LEASE = new Script(lua("../presence/lease.lua"));
export const NOTE_ROOMS = new Script(lua("../retention/note-rooms.lua"));
export const TRIMMER = new Script(lua("../retention/trimmer.lua"));
export const EVICT_GUESTS = new Script(lua("../retention/evict-guests.lua"));
export const REMOVE_ROOM = new Script(lua("../retention/remove-room.lua"));
export const SHARED = new Script(lua("../messages/shared.lua"));
export const SETTLE_HANDLES = new Script(lua("../presence/settle-handles.lua"), { CLAIM_MS }, [HANDLE_RULES]);
export const REPORT = new Script(lua("../messages/report.lua"), REPORT_CONSTANTS, [REPORT_FUNCTIONS]);
export const DISMISS_REPORT = new Script(lua("../messages/dismiss-report.lua"), {}, [REPORT_FUNCTIONS]);
export const KNOW = new Script(lua("./know.lua"));
export const NEED = new Script(lua("./need.lua"));
export const PERMISSIONS = new Script(lua("./permissions.lua"));

const ALL = [
  KNOW,
  NEED,
  SYNC_PRESENCE,
  LEASE,
  NOTE_ROOMS,
  TRIMMER,
  EVICT_GUESTS,
  REMOVE_ROOM,
  SHARED,
  SETTLE_HANDLES,
  REPORT,
  DISMISS_REPORT,
];

/** Loads all scripts into a server, with this process's append script. */
export async function loadScripts(redis: Redis, append: Script): Promise<void> {
  await Promise.all([append, ...ALL].map((script) => redis.script("LOAD", script.body)));
}

function definitions(constants: Readonly<Record<string, number | string>>): string[] {
  return Object.entries(constants).map(
    ([name, value]) => `local ${name} = ${typeof value === "number" ? value : quoted(value)}\n`,
  );
}

/** Returns a text as Lua writes it; the prefix of the keys may have quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

function lua(file: string): URL {
  return new URL(file, import.meta.url);
}

function textOf(file: URL): string {
  return readFileSync(file, "utf8");
}
