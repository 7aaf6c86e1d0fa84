import type { WelcomeFrame } from "../../protocol/frames.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { ChatOptions } from "../session/chat-context.ts";

/** Returns the limits that a client is told. */
export function limitsFor(options: ChatOptions): WelcomeFrame["limits"] {
  return {
    textLength: options.maxTextLength,
    frameBytes: LIMITS.frameBytes,
    messagesPerSecond: options.messagesPerSecond,
    burst: options.messageBurst,
    rooms: options.maxRoomsPerConnection,
  };
}
