import { LIMITS } from "../../../protocol/limits.ts";
import { ALL_ROOMS, GRANT_MS } from "../../access.ts";
import { CLAIM_MS, FRESH_MS } from "../../claim-limits.ts";
import { GUEST_BURST_MS, guestBounds, NEW_GUEST_BURST } from "../../guest-limits.ts";
import type { StoreLimits } from "../../store.ts";
import { type Keys, LOG } from "../keys.ts";
import { ENTRY_FUNCTIONS, HANDLE_RULES, Script } from "../node/scripts.ts";

const DAY_MS = 86_400_000;
/** Keys per user, room and generation; two generations are kept. docs/protocol.md promises the last 128. */
const KEYS_PER_GENERATION = 128;

/**
 * Returns append.lua with these limits; it signs what it publishes with the store's secret. Processes with
 * different limits have different scripts.
 */
export function appendScript(limits: StoreLimits, secret: string, keys: Keys): Script {
  const { messagesPerSecond, messageBurst, historyBytes } = limits;
  const { addressBurst, highestCount, roomIntervalMs } = guestBounds(limits);
  const interval = messagesPerSecond > 0 ? 1_000 / messagesPerSecond : 0;
  const credit = interval * Math.max(1, messageBurst);
  const constants = {
    CLAIM_MS,
    FRESH_MS,
    ...entryConstants(limits, secret, keys),
    // A constant, because each argument of a script costs time in the client.
    GLOBAL_ACCESS: keys.access(ALL_ROOMS),
    HISTORY_BYTES: historyBytes,
    INTERVAL_MS: interval,
    CREDIT_MS: credit,
    NEW_GUEST_MS: Math.min(credit, interval * NEW_GUEST_BURST),
    GUEST_BURST_MS,
    ADDRESS_BURST: addressBurst,
    HIGHEST_COUNT: highestCount,
    ROOM_INTERVAL_MS: roomIntervalMs,
    KEY_MS: LIMITS.keyMs,
    KEYS_PER_GENERATION,
    // The hash also has the credit, which at a slow rate may take longer to restore than keys are remembered.
    SENDER_MS: Math.ceil(Math.max(LIMITS.keyMs, credit)),
  };
  return new Script(new URL("./append.lua", import.meta.url), constants, [ENTRY_FUNCTIONS, HANDLE_RULES]);
}

/** Returns access.lua with these limits, signed as the append script. */
export function accessScript(limits: StoreLimits, secret: string, keys: Keys): Script {
  const constants = { ...entryConstants(limits, secret, keys), GRANT_MS };
  return new Script(new URL("./access.lua", import.meta.url), constants, [ENTRY_FUNCTIONS]);
}

/** Constants of entries.lua and of the scripts that use it. */
function entryConstants(
  { historyMessages, historyDays }: StoreLimits,
  secret: string,
  { channelName }: Keys,
): Readonly<Record<string, number | string>> {
  return {
    SECRET: secret,
    STREAM_END: LOG.length,
    CHANNEL_NAME: channelName,
    HISTORY_MESSAGES: historyMessages,
    HISTORY_MS: Math.ceil(historyDays * DAY_MS),
  };
}
