import { describe, expect, it } from "vitest";
import type { StoreState } from "../../../src/store/store.ts";
import { openChat } from "../../kit/fakes/fake-client.ts";

describe("the chat's log lines about the store", () => {
  function states() {
    const { chat, logger } = openChat();
    const tell = (state: StoreState, reason: string) => chat.statusChanged({ state, reason });
    const told = () =>
      logger.lines.flatMap(({ level, fields }) =>
        level === "info" && "reason" in fields && "state" in fields
          ? `${fields.state}: ${fields.reason}`
          : [],
      );
    logger.lines.length = 0;
    return { chat, tell, told };
  }

  it("tell each reason of an outage once, also where two take turns", () => {
    const { tell, told } = states();
    for (let attempt = 0; attempt < 10; attempt += 1) {
      tell("down", attempt % 2 === 0 ? "one reason" : "another");
      tell("connecting", attempt % 2 === 0 ? "one reason" : "another");
    }
    expect(told()).toEqual([
      "down: one reason",
      "connecting: one reason",
      "down: another",
      "connecting: another",
    ]);
    tell("live", "well");
    tell("down", "one reason");
    expect(told().slice(4)).toEqual(["live: well", "down: one reason"]);
  });

  it("are followed by a fulfilled promise if the store cannot be used", async () => {
    const { chat } = states();
    chat.statusChanged({ state: "down", reason: "too old", unusable: true });
    expect(await chat.unusable).toBe("too old");
  });
});
