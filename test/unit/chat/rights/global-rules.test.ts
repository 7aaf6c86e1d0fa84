import { describe, expect, it, vi } from "vitest";
import { guestIdentity, type Identity } from "../../../../src/chat/identity.ts";
import { readRoomRights } from "../../../../src/chat/rights/room-rights.ts";
import { CLOSE } from "../../../../src/protocol/codes.ts";
import {
  type AccessChange,
  ALL_ROOMS,
  recheckSubject,
  signOutSubject,
} from "../../../../src/store/access.ts";
import { EVENT_CODEC } from "../../../../src/transport/codecs/events.ts";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";
import { FakeConnection } from "../../../kit/fakes/fake-connection.ts";
import { inRoom } from "../../../kit/fakes/fake-room.ts";
import { afterwards } from "../../../kit/vitest/cleanup.ts";

function rule(subject: string, right: AccessChange["right"], rest: Partial<AccessChange> = {}): AccessChange {
  return {
    subject,
    right,
    until: undefined,
    by: "p-desk",
    bindsModerators: true,
    reason: undefined,
    ...rest,
  };
}

const mark = (subject: string): AccessChange => rule(subject, "moderate");

function stopTheClock(): void {
  vi.useFakeTimers({ toFake: ["setInterval", "performance"] });
  afterwards(() => vi.useRealTimers());
}

const ofSite = (user: string, issuedAt?: number): Identity => ({
  ...guestIdentity(user),
  kind: "site",
  issuedAt,
});

describe("a rule for all rooms", () => {
  it("ends the user's memberships, and keeps the user out of rooms that nobody of this process is in", async () => {
    const { chat, log: store, ann, ben } = await inRoom();
    await chat.catchUp();
    await store.changeAccess(ALL_ROOMS, rule(ann.guest, "none"));
    await settle();
    expect(ann.connection.framesOf("left")).toMatchObject([{ room: "lobby" }]);
    expect(ben.connection.framesOf("left")).toEqual([]);
    expect(await ann.ask({ type: "join", room: "attic" })).toMatchObject({ code: "forbidden" });
    const visitor = { identity: guestIdentity(ann.guest), base: "write", network: "192.0.2.1" } as const;
    await expect(chat.queries.before("cellar", visitor, undefined, 5)).rejects.toThrow("may not enter");
  });

  it("is followed once a publication that was lost is noticed", async () => {
    stopTheClock();
    const { chat, log: store, ann } = await inRoom();
    await chat.catchUp();
    store.deaf = true;
    await store.changeAccess(ALL_ROOMS, rule(ann.guest, "read"));
    store.deaf = false;
    await settle();
    expect(ann.connection.framesOf("right")).toEqual([]);
    vi.advanceTimersByTime(5_000);
    await settle();
    expect(ann.connection.framesOf("right")).toMatchObject([{ room: "lobby", right: "read" }]);
  });

  it("that was missed is read when the next one arrives", async () => {
    const { chat, log: store, ann, ben } = await inRoom();
    await chat.catchUp();
    store.deaf = true;
    await store.changeAccess(ALL_ROOMS, rule(ann.guest, "none"));
    store.deaf = false;
    await store.changeAccess(ALL_ROOMS, rule(ben.guest, "read"));
    await settle();
    expect(ann.connection.framesOf("left")).toHaveLength(1);
    expect(ben.connection.framesOf("right")).toHaveLength(1);
  });

  it("is read before the process serves again", async () => {
    const { chat, log: store, ann } = await inRoom();
    await chat.catchUp();
    store.deaf = true;
    await store.changeAccess(ALL_ROOMS, rule(ann.guest, "none"));
    store.deaf = false;
    await chat.catchUp();
    expect(ann.connection.framesOf("left")).toHaveLength(1);
    store.failing = true;
    await expect(chat.catchUp()).rejects.toThrow();
  });

  it("is read once more if another comes while it is read", async () => {
    const { chat, log: store, ann } = await inRoom();
    await chat.catchUp();
    let isFirst = true;
    store.meanwhile = () => {
      if (!isFirst || store.calls.at(-1) !== "heads") return;
      isFirst = false;
      void store.changeAccess(ALL_ROOMS, rule(ann.guest, "read"));
    };
    await chat.globalRules.catchUp();
    await settle();
    expect(ann.connection.framesOf("right")).toMatchObject([{ right: "read" }]);
  });

  it("that has not arrived is known before a room shows what it read from the store", async () => {
    const { chat, log: store, ann, ben } = await inRoom();
    await chat.catchUp();
    store.deaf = true;
    await store.changeAccess(ALL_ROOMS, rule(ann.guest, "none"));
    store.deaf = false;
    store.store("lobby", { text: "missed", published: false });
    store.store("lobby", { text: "last" });
    await settle(20);
    expect([ann.texts, ben.texts]).toEqual([[], ["missed", "last"]]);
    expect(ann.connection.framesOf("left")).toHaveLength(1);
  });

  it("that has not arrived holds for a page that is read from the store", async () => {
    const { chat, log: store } = openChat();
    await chat.catchUp();
    store.fill("lobby", 3);
    store.deaf = true;
    await store.changeAccess(ALL_ROOMS, rule("g1", "none"));
    const visitor = { identity: guestIdentity("g1"), base: "write", network: "192.0.2.1" } as const;
    await expect(chat.queries.before("lobby", visitor, undefined, 5)).rejects.toThrow("may not enter");
  });

  it("lets those moderate on whom another moderator shut out, and ends with its time", async () => {
    const { chat, log: store } = openChat();
    await chat.catchUp();
    await store.changeAccess(ALL_ROOMS, rule("s-mo", "none", { bindsModerators: false }));
    await store.changeAccess(ALL_ROOMS, rule("s-ann", "none", { until: store.now() - 1 }));
    await settle();
    const right = (user: string, base: "moderate" | "write") =>
      chat.queries.rightIn("lobby", { identity: ofSite(user), base, network: "192.0.2.1" });
    expect(
      await Promise.all([right("s-mo", "moderate"), right("s-mo", "write"), right("s-ann", "write")]),
    ).toEqual(["moderate", "none", "write"]);
  });

  it("that is for a guest's address is made for the networks of the guest's connections", async () => {
    const { chat, log: store, ann, ben } = await inRoom();
    await chat.catchUp();
    await store.changeAccess(ALL_ROOMS, rule(ann.guest, "none", { address: true, bindsModerators: false }));
    await settle();
    expect(store.globalAccess.rules.map(({ subject }) => subject)).toEqual([
      ann.guest,
      expect.stringMatching(/^@[\w-]{8}$/),
    ]);
    // Of the same address, and a guest, too.
    expect(ben.connection.framesOf("left")).toHaveLength(1);
  });

  it("is made for 16 of them at most: a guest with many addresses fills no place of other rules", async () => {
    const { chat, log: store } = openChat();
    await chat.catchUp();
    for (let n = 0; n < 40; n += 1) {
      const connection = new FakeConnection(undefined, `192.0.2.${n}`);
      await new FakeClient(chat, "gmany", connection).ask({ type: "hello" });
    }
    await store.changeAccess(ALL_ROOMS, rule("gmany", "none", { address: true }));
    await settle();
    expect(store.globalAccess.rules).toHaveLength(1 + 16);
  });

  it("that the store has lost with its data is an error in the log", async () => {
    const { chat, log: store, logger } = openChat();
    await chat.catchUp();
    await store.changeAccess(ALL_ROOMS, rule("s-ann", "none"));
    await settle();
    store.rooms.delete(ALL_ROOMS);
    store.globalAccess.change(rule("s-ann", undefined), "2-1");
    await chat.catchUp();
    expect(logger.lines.filter(({ level }) => level === "error")).toMatchObject([
      { fields: { event: "access", newHead: "0-0" } },
    ]);
  });
});

describe("a sign-out", () => {
  it("ends what was issued before it, and nothing that was issued after", async () => {
    const { chat, log: store } = openChat();
    await chat.catchUp();
    await store.changeAccess(ALL_ROOMS, mark(signOutSubject("s-ann")));
    await settle();
    const [{ id } = { id: "" }] = store.globalAccess.rules;
    const at = Number.parseInt(id, 10);
    const { globalRules } = chat;
    expect(globalRules.isSignedOut(ofSite("s-ann", at - 1))).toBe(true);
    expect(globalRules.isSignedOut(ofSite("s-ann", at))).toBe(false);
    expect(globalRules.isSignedOut(ofSite("s-ann"))).toBe(true);
    expect(globalRules.isSignedOut(ofSite("s-ben", at - 1))).toBe(false);
    expect(globalRules.isSignedOut({ ...ofSite("s-ann", at - 1), kind: "program" })).toBe(false);
  });

  it("that comes while a stream is being opened closes it", async () => {
    const { chat, log: store } = openChat();
    await chat.catchUp();
    await store.changeAccess(ALL_ROOMS, mark(signOutSubject("s-ann")));
    const rooms = [{ room: "lobby", after: undefined, found: { right: "write", at: 0 } as const }];
    const [before, after] = [new FakeConnection(EVENT_CODEC), new FakeConnection(EVENT_CODEC)];
    chat.connectStream(before, { identity: ofSite("s-ann", 1), rooms });
    chat.connectStream(after, { identity: ofSite("s-ann", store.now() + 1), rooms });
    await settle();
    expect([before.closedWith?.code, after.closedWith]).toEqual([CLOSE.unauthorized, undefined]);
  });

  it("of everybody is of every user of the site, and of no guest", async () => {
    const { chat, log: store } = openChat();
    await chat.catchUp();
    await store.changeAccess(ALL_ROOMS, mark(signOutSubject("*")));
    await settle();
    expect(chat.globalRules.isSignedOut(ofSite("s-ben", 1))).toBe(true);
    expect(chat.globalRules.isSignedOut(guestIdentity("g1"))).toBe(false);
  });

  it("that has not arrived holds for a page that is read from the store", async () => {
    const { chat, log: store } = openChat();
    await chat.catchUp();
    store.fill("lobby", 3);
    store.deaf = true;
    await store.changeAccess(ALL_ROOMS, mark(signOutSubject("s-ann")));
    const read = (issuedAt: number) =>
      chat.queries.before(
        "lobby",
        { identity: ofSite("s-ann", issuedAt), base: "write", network: "192.0.2.1" },
        undefined,
        5,
      );
    await expect(read(1)).rejects.toThrow("may not enter");
    expect((await read(store.now() + 1)).entries).toHaveLength(3);
  });

  it("that comes after a request was identified holds for the page that it reads", async () => {
    const { chat, log: store } = await inRoom();
    await chat.catchUp();
    const visitor = { identity: ofSite("s-ann", 1), base: "write", network: "192.0.2.1" } as const;
    await store.changeAccess(ALL_ROOMS, mark(signOutSubject("s-ann")));
    store.store("lobby", { text: "after" });
    await settle();
    await expect(chat.queries.before("lobby", visitor, undefined, 5)).rejects.toThrow("may not enter");
  });

  it("changes nothing about rights, and is in no list of rules", async () => {
    const { chat, log: store, ann } = await inRoom();
    await chat.catchUp();
    const desk = {
      identity: {
        ...guestIdentity("p-desk"),
        kind: "program" as const,
        rooms: readRoomRights({ "*": "moderate" }),
      },
      base: "none" as const,
      network: "192.0.2.1",
    };
    await store.changeAccess(ALL_ROOMS, mark(signOutSubject("*")));
    await store.changeAccess(ALL_ROOMS, mark(recheckSubject("*")));
    expect(await ann.ask({ type: "message", room: "lobby", key: "k", text: "hi" })).toMatchObject({
      type: "ack",
    });
    expect(await chat.moderation.list(desk, ALL_ROOMS, undefined)).toMatchObject({
      value: { rules: [], more: false },
    });
  });
});

describe("a recheck in all rooms", () => {
  it("has the app asked again about members, and lets nobody in by what it granted before", async () => {
    const answers: ("write" | "read")[] = ["write", "read", "read"];
    const asked: string[] = [];
    const { chat, log: store } = openChat({}, undefined, undefined, ({ rooms }) => {
      asked.push(...rooms);
      return Object.fromEntries(rooms.map((room) => [room, answers[asked.length - 1]]));
    });
    await chat.catchUp();
    const ann = await FakeClient.in(chat, "lobby");
    await store.changeAccess(ALL_ROOMS, mark(recheckSubject(ann.guest)));
    await settle();
    expect(ann.connection.framesOf("right")).toMatchObject([{ room: "lobby", right: "read" }]);
    store.granted.set(`attic ${ann.guest}`, { right: "write", at: 1 });
    expect(await ann.ask({ type: "join", room: "attic" })).toMatchObject({ type: "joined", right: "read" });
    expect(asked).toEqual(["lobby", "lobby", "attic"]);
  });
});
