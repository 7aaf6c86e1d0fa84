import { randomUUID } from "node:crypto";
import type { AckFrame } from "../../../src/protocol/frames.ts";
import { waitFor } from "../vitest/wait-for.ts";
import type { V1Client } from "./v1-client.ts";

/** For Redis to be back, and the process on it, ms. */
const BACK_MS = 30_000;

/**
 * Says it as soon as the server can store it again. Under one key, as every client should: what was stored although the
 * answer came too late is not stored twice.
 */
export function sayAgain(
  client: V1Client,
  room: string,
  text: string,
  key: string = randomUUID(),
): Promise<AckFrame> {
  return waitFor(() => client.say(room, text, key).catch(() => undefined), `"${text}" is stored`, BACK_MS);
}
