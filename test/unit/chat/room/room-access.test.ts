import { describe, expect, it } from "vitest";
import { guestIdentity } from "../../../../src/chat/identity.ts";
import { CLOSE } from "../../../../src/protocol/codes.ts";
import type { AccessChange } from "../../../../src/store/access.ts";
import { EVENT_CODEC } from "../../../../src/transport/codecs/events.ts";
import { PLAIN_CODEC } from "../../../../src/transport/codecs/plain.ts";
import { ANYBODY, FakeClient, openChat, settle, textsOf } from "../../../kit/fakes/fake-client.ts";
import { FakeConnection } from "../../../kit/fakes/fake-connection.ts";
import { inRoom } from "../../../kit/fakes/fake-room.ts";
import type { FakeStore } from "../../../kit/fakes/fake-store.ts";

function rule(subject: string, right: AccessChange["right"], rest: Partial<AccessChange> = {}): AccessChange {
  return { subject, right, until: undefined, by: "m", bindsModerators: false, reason: undefined, ...rest };
}

const writtenTo = ({ writes }: FakeConnection): string => Buffer.concat(writes).toString();

const EXPELLED = { type: "left", room: "lobby", reason: "You may not enter lobby." };

/** Shuts a user out in the store, and tells no process. */
async function shutOutUnheard(store: FakeStore, user: string): Promise<void> {
  store.deaf = true;
  await store.changeAccess("lobby", rule(user, "none"));
  store.deaf = false;
}

describe("an access entry", () => {
  it("ends the memberships of the user, after everything before it and before everything after it", async () => {
    const { log: store, ann, ben } = await inRoom();
    store.store("lobby", { text: "before" });
    await store.changeAccess("lobby", rule(ann.guest, "none"));
    store.store("lobby", { text: "after" });
    expect([ann.texts, ben.texts]).toEqual([["before"], ["before", "after"]]);
    expect(ann.connection.framesOf("left")).toEqual([EXPELLED]);
    expect(ben.connection.framesOf("left")).toEqual([]);
    expect(ben.connection.framesOf("access")).toEqual([
      { id: expect.any(String), prev: expect.any(String), type: "access", room: "lobby" },
    ]);
    expect(await ann.ask({ type: "join", room: "lobby" })).toMatchObject({ code: "forbidden" });
    expect(await ann.ask({ type: "history", room: "lobby" })).toMatchObject({ code: "not-joined" });
  });

  it("that arrives late holds back what is after it, as a message does", async () => {
    const { log: store, ann, ben } = await inRoom();
    await shutOutUnheard(store, ann.guest);
    store.store("lobby", { text: "after" });
    await settle();
    expect([ann.texts, ben.texts]).toEqual([[], ["after"]]);
    expect(ann.connection.framesOf("left")).toEqual([EXPELLED]);
  });

  it("that was missed with the newest entries is read from the rules before members start over", async () => {
    const { log: store, ann, ben } = await inRoom();
    await shutOutUnheard(store, ann.guest);
    store.trim("lobby", 10);
    store.fill("lobby", 3, "new");
    store.store("lobby", { text: "last" });
    await settle();
    expect(ann.connection.framesOf("joined").slice(1)).toEqual([]);
    expect(ann.connection.framesOf("left")).toEqual([EXPELLED]);
    expect(textsOf(ben.connection.framesOf("joined").at(-1) ?? {}).at(-1)).toBe("last");
  });

  it("that arrives without its change is not taken for it: the store is read", async () => {
    const { log: store, ann, ben } = await inRoom();
    await shutOutUnheard(store, ann.guest);
    const bare = store.entries("lobby").at(-1)?.frame ?? Buffer.alloc(0);
    store.publish("lobby", bare);
    store.store("lobby", { text: "after" });
    await settle();
    expect([ann.texts, ben.texts]).toEqual([[], ["after"]]);
    expect(ann.connection.framesOf("left")).toEqual([EXPELLED]);
  });

  it("takes nothing from a rule that was read from the store and is later", async () => {
    const { chat, log: store } = openChat();
    const ann = await FakeClient.greeted(chat);
    const [first, second] = [rule(ann.guest, "read"), rule(ann.guest, "none")];
    await store.changeAccess("lobby", first);
    const [entry] = store.entries("lobby");
    await store.changeAccess("lobby", second);
    const ben = await FakeClient.in(chat, "lobby");
    store.subscribers.get("lobby")?.onPublication(entry?.frame ?? Buffer.alloc(0), first);
    expect(await ann.ask({ type: "join", room: "lobby" })).toMatchObject({ code: "forbidden" });
    expect(ben.connection.framesOf("left")).toEqual([]);
  });

  it("mutes: what the user may do is told, and messages are refused without asking the store", async () => {
    const { log: store, ann } = await inRoom();
    await store.changeAccess("lobby", rule(ann.guest, "read"));
    expect(ann.connection.framesOf("right")).toEqual([{ type: "right", room: "lobby", right: "read" }]);
    const refused = await ann.ask({ type: "message", room: "lobby", key: "k", text: "no" });
    expect(refused).toMatchObject({ code: "forbidden", retryable: false });
    expect(store.appends).toEqual([]);
    await store.changeAccess("lobby", rule(ann.guest, undefined));
    expect(await ann.ask({ type: "message", room: "lobby", key: "k", text: "yes" })).toMatchObject({
      type: "ack",
    });
  });

  it("ends a mute by the store's clock", async () => {
    const { log: store, ann } = await inRoom();
    await store.changeAccess("lobby", rule(ann.guest, "read", { until: store.now() + 3 }));
    const say = () => ann.ask({ type: "message", room: "lobby", key: "k", text: "yes" });
    expect(await say()).toMatchObject({ code: "forbidden" });
    store.fill("attic", 3);
    expect(await say()).toMatchObject({ type: "ack" });
  });

  it("locks the room for all but moderators", async () => {
    const { log: store, ann, ben } = await inRoom();
    await store.changeAccess("lobby", rule("*", "none"));
    for (const client of [ann, ben]) expect(client.connection.framesOf("left")).toEqual([EXPELLED]);
  });

  it("ends plain sockets and event streams", async () => {
    const { chat, log: store } = openChat();
    store.fill("lobby", 1);
    const plain = new FakeConnection(PLAIN_CODEC);
    const events = new FakeConnection(EVENT_CODEC);
    chat.connectPlain(plain, "gplain", { room: "lobby", after: undefined, limit: 5 });
    chat.connectStream(events, {
      identity: guestIdentity("gstream"),
      rooms: [
        { room: "lobby", after: undefined, found: { right: "write", at: 0 } },
        { room: "attic", after: undefined, found: { right: "write", at: 0 } },
      ],
    });
    await settle();
    await store.changeAccess("lobby", rule("gplain", "none"));
    await store.changeAccess("lobby", rule("gstream", "none"));
    store.store("lobby", { text: "after" });
    store.store("attic", { text: "elsewhere" });
    await settle();
    expect(plain.closedWith).toMatchObject({ code: CLOSE.forbidden });
    expect(events.closedWith).toBeUndefined();
    expect(writtenTo(events)).toContain("event: left");
    expect(writtenTo(events)).toContain("elsewhere");
    expect(writtenTo(plain) + writtenTo(events)).not.toContain('"after"');
    await store.changeAccess("attic", rule("gstream", "none"));
    expect(events.closedWith).toMatchObject({ code: CLOSE.forbidden });
  });

  it("leaves no room open that nobody is in", async () => {
    const { chat, log: store, ann, ben } = await inRoom();
    for (const { guest } of [ann, ben]) await store.changeAccess("lobby", rule(guest, "none"));
    expect(chat.rooms.get("lobby")?.size).toBe(0);
  });
});

describe("what was read of a room that has not heard of a rule", () => {
  it("is not given to a member whom the rule shuts out", async () => {
    const { log: store, ann, ben } = await inRoom();
    await shutOutUnheard(store, ann.guest);
    store.store("lobby", { text: "after the rule", published: false });
    const page = async (client: FakeClient) => client.ask({ type: "history", room: "lobby", limit: 10 });
    expect(textsOf(await page(ben))).toContain("after the rule");
    expect(await page(ann)).toMatchObject({ code: "forbidden" });
  });

  it("is not given to anybody else whom it shuts out, where the room is not open here", async () => {
    const { chat, log: store } = openChat();
    store.fill("lobby", 2);
    const visitor = { ...ANYBODY, identity: guestIdentity("g1") };
    await expect(chat.queries.before("lobby", visitor, undefined, 10)).resolves.toMatchObject({
      more: false,
    });
    const reading = chat.queries.before("lobby", visitor, undefined, 10);
    // The page is read already when the rule comes.
    await Promise.resolve();
    await shutOutUnheard(store, "g1");
    await expect(reading).rejects.toThrow("You may not enter lobby.");
    await expect(chat.queries.people("lobby", visitor)).rejects.toThrow("You may not enter lobby.");
    expect(await chat.queries.recentRooms(async () => visitor)).toEqual([]);
  });
});
