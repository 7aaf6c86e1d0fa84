import { beforeAll, describe, expect, it } from "vitest";
import type { Chat } from "../../src/chat/chat.ts";
import { guestIdentity, type SiteTokens, type UserKind } from "../../src/chat/identity.ts";
import { success } from "../../src/chat/result.ts";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import { PLAIN_CODEC } from "../../src/transport/codecs/plain.ts";
import { FakeClient, openChatOn } from "../kit/fakes/fake-client.ts";
import { FakeConnection } from "../kit/fakes/fake-connection.ts";
import { RecordingLogger } from "../kit/logger.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { ownRedis } from "./open-redis-store.ts";
import { PATIENT, ROOMY } from "./open-store.ts";

/** A token names the user of the site that it says. */
const SITE: SiteTokens = {
  required: false,
  verify: async (token) =>
    success({
      user: token,
      handle: undefined,
      rooms: undefined,
      issuedAt: undefined,
      expiresAt: undefined,
      siteKey: "one",
    }),
  holdsKey: async () => true,
};

describe("handles of users on two processes", () => {
  let redis: TestRedis;
  let prefixes = 0;

  beforeAll(async () => {
    redis = await ownRedis();
  });

  async function twoProcesses(): Promise<[Chat, Chat]> {
    prefixes += 1;
    const options = { url: redis.url, prefix: `handles-${prefixes}:`, tlsVerify: true };
    const chats = [0, 1].map(() => {
      const store = new RedisStore(options, ROOMY, new RecordingLogger(), PATIENT);
      return openChatOn(store, {}, SITE).chat;
    });
    const [one, two] = chats;
    if (one === undefined || two === undefined) throw new Error("two processes");
    await waitFor(() => one.live && two.live, "both processes are live");
    return [one, two];
  }

  interface Wish {
    readonly guest?: string;
    readonly token?: string;
    readonly rooms?: readonly string[];
  }

  /** Says hello and asks to join, and waits for nothing. */
  async function entering(chat: Chat, handle: string, { guest, token, rooms = ["lobby"] }: Wish = {}) {
    const client = new FakeClient(chat, guest);
    const ref = client.request({ type: "hello", handle, ...(token === undefined ? {} : { token }) });
    await waitFor(() => client.answer(ref) !== undefined, "welcome");
    for (const room of rooms) client.request({ type: "join", room });
    return client;
  }

  async function inLobby(chat: Chat, handle: string, wish: Wish = {}): Promise<FakeClient> {
    const client = await entering(chat, handle, wish);
    const rooms = wish.rooms ?? ["lobby"];
    await waitFor(() => client.connection.framesOf("joined").length === rooms.length, "joined");
    return client;
  }

  /** What people of a room are called by one process, in no order. */
  function listed(chat: Chat, room = "lobby"): string[] {
    return (chat.rooms.get(room)?.presence.people().users ?? []).map(({ handle }) => handle).sort();
  }

  let said = 0;

  async function shown(reader: FakeClient, text: string): Promise<unknown> {
    const find = () => reader.connection.framesOf("message").find((frame) => frame["text"] === text);
    await waitFor(() => find() !== undefined, `${text} is shown`);
    return find()?.["handle"];
  }

  /** Says something; returns the handle that the reader is shown. */
  async function handleOf(client: FakeClient, reader: FakeClient, room = "lobby"): Promise<unknown> {
    said += 1;
    client.request({ type: "message", room, key: `key${said}`, text: `text ${said}` });
    return shown(reader, `text ${said}`);
  }

  /** As `handleOf`, by a request over HTTP. */
  async function handleByHttp(chat: Chat, user: string, kind: UserKind, handle: string, reader: FakeClient) {
    said += 1;
    const sender = { ...guestIdentity(user, handle), kind };
    await chat.publisher.publish({
      room: "lobby",
      here: chat.rooms.get("lobby"),
      sender,
      base: "write",
      handle,
      network: "198.51.100.7",
      text: `text ${said}`,
      key: undefined,
      connection: "x",
      arrivedAt: performance.now(),
    });
    return shown(reader, `text ${said}`);
  }

  async function plain(chat: Chat, guest = chat.guests.create()) {
    const connection = new FakeConnection(PLAIN_CODEC);
    const session = chat.connectPlain(connection, guest, { room: "lobby", after: undefined, limit: 50 });
    afterwards(() => chat.disconnect(session));
    return async (handle: string | undefined, reader: FakeClient) => {
      said += 1;
      session.onFrame(JSON.stringify({ handle, text: `text ${said}` }));
      return shown(reader, `text ${said}`);
    };
  }

  it("are told apart where two come at once, in the list and on every message", async () => {
    const [one, two] = await twoProcesses();
    // Both rooms are open before, so that nothing holds one of the two up.
    await Promise.all([inLobby(one, "Reader"), inLobby(two, "Watcher")]);
    const twins = await Promise.all([entering(one, "Twin"), entering(two, "Twin")]);
    const expected = ["Reader", "Twin", "Twin 2", "Watcher"];
    const isSettled = (chat: Chat) => listed(chat).join() === expected.join();
    await waitFor(() => isSettled(one) && isSettled(two), "both lists tell them apart");
    const [first, second] = twins;
    const handles = [await handleOf(first, first), await handleOf(second, second)];
    expect(handles.toSorted()).toEqual(["Twin", "Twin 2"]);
    expect([await handleOf(first, first), await handleOf(second, second)]).toEqual(handles);
  });

  it("are told apart where two speak at once as soon as they are in", async () => {
    const [one, two] = await twoProcesses();
    const twins = await Promise.all([inLobby(one, "Twin"), inLobby(two, "Twin")]);
    const handles = await Promise.all(twins.map((twin) => handleOf(twin, twin)));
    expect(handles.toSorted()).toEqual(["Twin", "Twin 2"]);
  });

  it("are not taken by a plain client, whatever each of its frames says", async () => {
    const [one, two] = await twoProcesses();
    const ada = await inLobby(one, "Ada");
    await inLobby(one, "Bea");
    const say = await plain(two);
    expect(await say("Ada", ada)).toBe("Ada 2");
    expect(await say("\u0410da", ada)).toBe("\u0410da 2");
    expect(await say("BEA", ada)).toBe("BEA 2");
    expect(await say(undefined, ada)).toBe("BEA 2");
  });

  it("come back to a plain client that goes on to say them when they are free", async () => {
    const [one, two] = await twoProcesses();
    const reader = await inLobby(two, "Reader");
    const ada = await inLobby(one, "Ada");
    const say = await plain(two);
    expect(await say("Ada", reader)).toBe("Ada 2");
    expect(listed(two)).toContain("Ada 2");
    ada.leaveAltogether();
    await waitFor(async () => (await say("Ada", reader)) === "Ada", "the handle is free");
    await waitFor(() => listed(one).join() === "Ada,Reader" && listed(two).join() === "Ada,Reader", "listed");
  });

  it("are not taken by a guest's request to a process without users in the room", async () => {
    const [one, two] = await twoProcesses();
    const ada = await inLobby(one, "Ada");
    expect(await handleByHttp(two, "guest", "guest", "Ada", ada)).toBe("Ada 2");
    expect(await handleByHttp(two, ada.guest, "guest", "Ada", ada)).toBe("Ada");
  });

  it("are their users' own on every process and by every way in", async () => {
    const [one, two] = await twoProcesses();
    const ada = await inLobby(one, "Ada");
    await inLobby(two, "Ada", { guest: ada.guest });
    const say = await plain(two, ada.guest);
    expect(await say("Ada", ada)).toBe("Ada");
    expect(await handleByHttp(two, ada.guest, "guest", "Ada", ada)).toBe("Ada");
    await waitFor(() => listed(one).join() === "Ada" && listed(two).join() === "Ada", "one user");
  });

  it("go to a user of the site, and the guest is told and called otherwise at once", async () => {
    const [one, two] = await twoProcesses();
    const guest = await inLobby(one, "Ada");
    const site = await inLobby(two, "Ada", { token: "site-ada" });
    expect(await handleOf(site, site)).toBe("Ada");
    await waitFor(() => listed(one).join() === "Ada,Ada 2" && listed(two).join() === "Ada,Ada 2", "apart");
    expect(await handleOf(guest, site)).toBe("Ada 2");
    const told = () => guest.connection.framesOf("presence").flatMap(({ joined }) => joined ?? []);
    await waitFor(() => JSON.stringify(told()).includes('"Ada 2"'), "the guest is told");
  });

  it("go to a program that speaks under one", async () => {
    const [one, two] = await twoProcesses();
    const guest = await inLobby(one, "Deploys");
    expect(await handleByHttp(two, "program", "program", "Deploys", guest)).toBe("Deploys");
    expect(await handleOf(guest, guest)).toBe("Deploys 2");
  });

  it("are told apart in each room where a user changes the own one", async () => {
    const [one, two] = await twoProcesses();
    const ada = await inLobby(one, "Ada", { rooms: ["lobby", "attic"] });
    await inLobby(two, "Bea", { rooms: ["attic"] });
    ada.request({ type: "hello", handle: "Bea" });
    expect(await handleOf(ada, ada, "lobby")).toBe("Bea");
    expect(await handleOf(ada, ada, "attic")).toBe("Bea 2");
  });

  it("stay with a user who closes one of two connections, and are free where both are closed", async () => {
    const [one, two] = await twoProcesses();
    const reader = await inLobby(two, "Reader");
    const first = await inLobby(one, "Ada");
    const second = await inLobby(two, "Ada", { guest: first.guest });
    first.leaveAltogether();
    const count = async () => Number(await redis.cli("hlen", `handles-${prefixes}:{lobby}:who`));
    await waitFor(async () => (await count()) === 2, "one has left");
    expect(await handleByHttp(one, "guest", "guest", "Ada", reader)).toBe("Ada 2");
    second.leaveAltogether();
    await waitFor(
      async () => (await redis.cli("hget", `handles-${prefixes}:{lobby}:handles`, "ada")) === "",
      "no user has it",
    );
    expect(await handleByHttp(one, "other", "guest", "Ada", reader)).toBe("Ada");
  });
});
