import { describe, expect, it } from "vitest";
import * as contract from "../../../src/client/contract.ts";
import { CLOSE } from "../../../src/protocol/codes.ts";
import { LIMITS } from "../../../src/protocol/limits.ts";

describe("the client's numbers", () => {
  it("are those of the protocol", () => {
    expect({ ...contract }).toEqual({
      JOIN_MESSAGES: LIMITS.joinMessages,
      ANSWER_MESSAGES: LIMITS.answerMessages,
      TYPING_MS: LIMITS.typingMs,
      KEY_MS: LIMITS.keyMs,
      PRESENCE_NAMES: LIMITS.presenceNames,
      // Of RFC 6455: no server sends it.
      ABNORMAL: 1006,
      GOING_AWAY: CLOSE.goingAway,
      TOO_BIG: CLOSE.frameTooBig,
      RESTARTING: CLOSE.restarting,
      PROTOCOL_VIOLATION: CLOSE.protocolViolation,
      UNAUTHORIZED: CLOSE.unauthorized,
      FORBIDDEN: CLOSE.forbidden,
      TOO_MANY: CLOSE.tooMany,
      // Of the client itself: no server sends it.
      ORIGIN_REFUSED: 4490,
    });
  });
});
