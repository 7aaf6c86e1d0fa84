import { parseArgs } from "node:util";
import { failure, type Result, success } from "../chat/result.ts";
import { readRoomRights } from "../chat/rights/room-rights.ts";
import { signToken } from "../identity/signed-token.ts";
import { wholeNumber } from "../settings/kinds.ts";
import { readSettings, SettingsError } from "../settings/settings.ts";
import type { Environment } from "../settings/table.ts";

const USAGE = 'usage: dynochat token --sub ann [--name Ann] [--rooms \'{"team-*":"write"}\'] [--minutes 60]';

const OPTIONS = {
  sub: { type: "string" },
  name: { type: "string" },
  rooms: { type: "string" },
  minutes: { type: "string", default: "60" },
} as const;

/** A year. */
const minutesOfToken = wholeNumber(1, 525_600);

/**
 * Returns the token that the arguments of a command line ask for, as a site would sign it with the first of
 * TOKEN_SECRET, for development. Fails with a sentence if the arguments or the settings do not allow it.
 */
export async function tokenCommand(
  args: readonly string[],
  env: Environment,
): Promise<Result<string, string>> {
  const [command, ...options] = args;
  if (command !== "token") return failure(USAGE);
  try {
    const { sub, name, rooms, minutes } = parseArgs({ args: options, options: OPTIONS }).values;
    if (sub === undefined || sub === "") return failure(`--sub names the user and is missing; ${USAGE}`);
    const rights = rooms === undefined ? undefined : parsedRooms(rooms);
    if (rooms !== undefined && rights === undefined)
      return failure('--rooms must be an object of rooms and rights, such as {"team-*":"write"}');
    const valid = minutesOfToken.read(minutes);
    if (valid === undefined) return failure(`--minutes must be ${minutesOfToken.accepts}`);
    const { tokenSecret: [secret] = [], tokenIssuer, tokenAudience } = readSettings(env);
    if (secret === undefined)
      return failure("TOKEN_SECRET is not set: there is nothing to sign a token with");
    const claims = { subject: sub, name, rooms: rights, issuer: tokenIssuer, audience: tokenAudience };
    return success(await signToken({ ...claims, expiresAt: Date.now() + valid * 60_000 }, secret));
  } catch (error) {
    if (error instanceof SettingsError) return failure(error.message);
    if (isWrongArgument(error)) return failure(`${error.message}; ${USAGE}`);
    throw error;
  }
}

/** Returns the claim `rooms` of a text; undefined if the server would not accept it. */
function parsedRooms(text: string): object | undefined {
  try {
    const rooms: unknown = JSON.parse(text);
    return typeof rooms === "object" && rooms !== null && readRoomRights(rooms) !== undefined
      ? rooms
      : undefined;
  } catch {
    return undefined;
  }
}

/** Returns whether `parseArgs` threw the error because of what the user wrote. */
function isWrongArgument(error: unknown): error is Error {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    error.code.startsWith("ERR_PARSE_ARGS_")
  );
}
