import { describe, expect, it } from "vitest";
import { guestIdentity, type Identity } from "../../../../src/chat/identity.ts";
import { Rights } from "../../../../src/chat/rights/rights.ts";
import { readRoomRights } from "../../../../src/chat/rights/room-rights.ts";
import { missingRight } from "../../../../src/chat/rights/visitor.ts";
import { FakeStore } from "../../../kit/fakes/fake-store.ts";

const GUEST = guestIdentity("g1");

const NOTHING_RECHECKED = { recheckedAt: () => 0 };

function site(rooms?: object): Identity {
  return { ...GUEST, kind: "site", rooms: rooms === undefined ? undefined : readRoomRights(rooms) };
}

describe("a user's own right in a room", () => {
  it("is what the token names: the room's name before the longest beginning, and nothing else", () => {
    const rights = new Rights(
      { guests: "write", privateRooms: ["team-*"] },
      new FakeStore(),
      NOTHING_RECHECKED,
    );
    const ann = site({ "team-1": "moderate", "team-*": "read", "t*": "write", "*": "none" });
    const rooms = ["team-1", "team-12", "tea", "attic"];
    expect(rooms.map((room) => rights.known(ann, room))).toEqual(["moderate", "read", "write", "none"]);
    expect(rights.known(site({ "team-1": "write" }), "lobby")).toBe("none");
    expect(rights.known(site({}), "lobby")).toBe("none");
  });

  it.each(["write", "read", "none"] as const)("is %s for guests where the setting says so", (guests) => {
    const rights = new Rights(
      { guests, privateRooms: ["board", "team-*"] },
      new FakeStore(),
      NOTHING_RECHECKED,
    );
    for (const guest of [GUEST, undefined]) {
      expect(rights.known(guest, "lobby")).toBe(guests);
      expect(["board", "team-7"].map((room) => rights.known(guest, room))).toEqual(["none", "none"]);
    }
    expect(["lobby", "board"].map((room) => rights.known(site(), room))).toEqual(["write", "none"]);
  });

  it("is none in any room that no token or key names where all rooms are private", () => {
    const rights = new Rights({ guests: "write", privateRooms: ["*"] }, new FakeStore(), NOTHING_RECHECKED);
    expect([rights.known(GUEST, "lobby"), rights.known(site(), "lobby")]).toEqual(["none", "none"]);
    expect(rights.known(site({ lobby: "write" }), "lobby")).toBe("write");
  });

  it("is refused with the same sentence whether there is such a room or not", () => {
    expect(missingRight("none", "read", "board")).toEqual({
      code: "forbidden",
      message: "You may not enter board.",
    });
    expect(missingRight("read", "write", "lobby")).toEqual({
      code: "forbidden",
      message: "You may read in lobby, but not write there.",
    });
    expect(missingRight("read", "read", "lobby")).toBeUndefined();
  });
});

describe("the claim of a token", () => {
  it.each([
    "write",
    null,
    ["lobby"],
    { lobby: "admin" },
    { lobby: true },
    { "a*b": "read" },
    { "": "read" },
    { "no room": "read" },
  ])("is no rights if it is %j", (claim) => {
    expect(readRoomRights(claim)).toBeUndefined();
  });

  it("is not fooled by names that objects have", () => {
    const rights = readRoomRights(JSON.parse('{"constructor":"write"}'));
    expect(rights?.of("constructor")).toBe("write");
    expect(readRoomRights({})?.of("constructor")).toBeUndefined();
  });
});
