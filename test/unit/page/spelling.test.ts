import { describe, expect, it } from "vitest";
import { type RoomLookup, spellingOf } from "../../../src/page/room/spelling.ts";

/** A server that lists some rooms, and has messages in others too. */
function server(listed: readonly string[], others: readonly string[] = []) {
  const asked: string[] = [];
  const lookup: RoomLookup = {
    listed: async () => {
      asked.push("list");
      return listed;
    },
    hasMessages: async (room) => {
      asked.push(room);
      return listed.includes(room) || others.includes(room);
    },
  };
  return { lookup, asked };
}

describe("the spelling under which a room is opened", () => {
  const silent: RoomLookup = {
    listed: () => Promise.reject(new Error("no answer")),
    hasMessages: () => Promise.reject(new Error("no answer")),
  };

  const rows: [string, string[], string[], string[], string, string][] = [
    ["Team", ["Team", "team"], ["team"], [], "Team", "that of a known room"],
    ["Team", [], ["team", "Team"], [], "Team", "that of a listed room"],
    ["Team", [], ["team"], ["Team"], "Team", "that of an old room that is not listed any more"],
    ["TEAM", ["Team"], ["team"], [], "Team", "that of the known room that differs only in case"],
    ["team", ["Team"], [], [], "Team", "that of the known room also if that is not in lower case"],
    ["team", [], ["lobby", "Team"], [], "Team", "that of the listed room that differs only in case"],
    ["TEAM", [], ["lobby"], [], "team", "lower case where the room is new"],
    ["team", [], ["lobby"], [], "team", "the name itself where the room is new and in lower case"],
  ];

  it.each(rows)("of %s, known %j, listed %j, others %j, is %s: %s", async (...row) => {
    const [name, known, listed, others, expected] = row;
    expect(await spellingOf(name, known, server(listed, others).lookup)).toBe(expected);
  });

  it("costs no question for a known room, and one for a new name in lower case", async () => {
    const { lookup, asked } = server([]);
    await spellingOf("team", ["team"], lookup);
    expect(asked).toEqual([]);
    await spellingOf("team", [], lookup);
    expect(asked).toEqual(["list"]);
  });

  it("stays as it was given where the server does not answer, unless another one is known", async () => {
    expect(await spellingOf("Team", [], silent)).toBe("Team");
    expect(await spellingOf("Team", ["team"], silent)).toBe("team");
  });
});
