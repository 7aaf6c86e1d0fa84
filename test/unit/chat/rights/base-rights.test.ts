import { describe, expect, it } from "vitest";
import { guestIdentity, type Identity } from "../../../../src/chat/identity.ts";
import { BaseRights } from "../../../../src/chat/rights/base-rights.ts";
import { readRoomRights } from "../../../../src/chat/rights/room-rights.ts";

const GUEST = guestIdentity("g1");

function site(rooms?: object): Identity {
  return { ...GUEST, kind: "site", rooms: rooms === undefined ? undefined : readRoomRights(rooms) };
}

describe("a user's own right in a room", () => {
  it("is what the token names: the room's name before the longest beginning, and nothing else", () => {
    const rights = new BaseRights({ guests: "write", privateRooms: ["team-*"] });
    const ann = site({ "team-1": "moderate", "team-*": "read", "t*": "write", "*": "none" });
    const rooms = ["team-1", "team-12", "tea", "attic"];
    expect(rooms.map((room) => rights.of(ann, room))).toEqual(["moderate", "read", "write", "none"]);
    expect(rights.of(site({ "team-1": "write" }), "lobby")).toBe("none");
    expect(rights.of(site({}), "lobby")).toBe("none");
  });

  it.each(["write", "read", "none"] as const)("is %s for guests where the setting says so", (guests) => {
    const rights = new BaseRights({ guests, privateRooms: ["board", "team-*"] });
    for (const guest of [GUEST, undefined]) {
      expect(rights.of(guest, "lobby")).toBe(guests);
      expect(["board", "team-7"].map((room) => rights.of(guest, room))).toEqual(["none", "none"]);
    }
    expect(["lobby", "board"].map((room) => rights.of(site(), room))).toEqual(["write", "none"]);
  });

  it("is none in any room that no token or key names where all rooms are private", () => {
    const rights = new BaseRights({ guests: "write", privateRooms: ["*"] });
    expect([rights.of(GUEST, "lobby"), rights.of(site(), "lobby")]).toEqual(["none", "none"]);
    expect(rights.of(site({ lobby: "write" }), "lobby")).toBe("write");
  });

  it("is refused with the same sentence whether there is such a room or not", () => {
    const rights = new BaseRights({ guests: "read", privateRooms: ["board"] });
    expect(rights.refusal(GUEST, "board", "read")).toEqual({
      code: "forbidden",
      message: "You may not enter board.",
    });
    expect(rights.refusal(GUEST, "lobby", "write")).toEqual({
      code: "forbidden",
      message: "You may read in lobby, but not write there.",
    });
    expect(rights.refusal(GUEST, "lobby", "read")).toBeUndefined();
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
