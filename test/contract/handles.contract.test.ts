import { describe, expect, it } from "vitest";
import { looksOf, requestedHandle } from "../../src/chat/text/look-alike.ts";
import { BEGINNING } from "../../src/protocol/ids.ts";
import { DIGIT_LOOKS, withNumber } from "../../src/store/numbered-handle.ts";
import type { Append, MessageStore } from "../../src/store/store.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { BOTH_STORES } from "./both-stores.ts";
import { ALL, begin, message, ROOMY } from "./open-store.ts";

const LONG = `${"x".repeat(25)}${"y".repeat(7)}`;

describe.each(BOTH_STORES)("the $kind store, naming", ({ make }) => {
  async function open(): Promise<MessageStore> {
    const store = make(ROOMY);
    afterwards(() => store.close());
    await begin(store);
    return store;
  }

  /** Stores a message under a handle; returns the handle that the stored frame has. */
  async function say(store: MessageStore, user: string, handle: string, isGuest = true): Promise<string> {
    const body = JSON.stringify({ type: "message", room: "lobby", user, handle, text: "hi" }).slice(1);
    const guest = isGuest ? { guest: { network: "198.51.100.7" } } : {};
    const append: Append = { ...message("hi", { user, body }), ...guest, requested: requestedHandle(handle) };
    const appended = await store.append(append);
    if (appended.outcome !== "stored") throw new Error(appended.outcome);
    const entry = (await store.readFrom("lobby", BEGINNING, ALL)).find(({ id }) => id === appended.id);
    const stored: unknown = JSON.parse(String(entry?.frame)).handle;
    expect(stored).toBe(appended.handle ?? handle);
    return String(stored);
  }

  function settle(
    store: MessageStore,
    user: string,
    handle: string,
    isGuest = true,
  ): Promise<readonly string[]> {
    return store.settleHandles("lobby", [{ user, isGuest, requested: requestedHandle(handle) }], []);
  }

  it("stores a handle as it is for the first who speaks, and with a number for all others", async () => {
    const store = await open();
    expect(await say(store, "one", "Ada")).toBe("Ada");
    expect(await say(store, "two", "Ada")).toBe("Ada 2");
    expect(await say(store, "three", "ADA")).toBe("ADA 3");
    expect(await say(store, "one", "Ada")).toBe("Ada");
    expect(await say(store, "two", "Ada")).toBe("Ada 2");
    expect(await say(store, "four", "Ada 2")).toBe("Ada 4");
  });

  it("gives a handle to one of many who speak at the same time", async () => {
    const store = await open();
    const users = Array.from({ length: 30 }, (_, index) => `user${index}`);
    const handles = await Promise.all(users.map((user) => say(store, user, "Twin")));
    expect(new Set(handles).size).toBe(30);
    expect(handles.filter((handle) => handle === "Twin")).toHaveLength(1);
    expect(await Promise.all(users.map((user, index) => say(store, user, handles[index] ?? "")))).toEqual(
      handles,
    );
  });

  it("keeps the handle of a user who is in the room and writes nothing", async () => {
    const store = await open();
    expect(await settle(store, "silent", "Ada")).toEqual(["Ada"]);
    expect(await say(store, "loud", "\u0410da")).toBe("\u0410da 2");
    expect(await settle(store, "other", "Ada")).toEqual(["Ada 3"]);
    expect(await settle(store, "silent", "Ada")).toEqual(["Ada"]);
  });

  it("gives each of several people who enter together a handle of their own", async () => {
    const store = await open();
    const claims = ["one", "two", "three"].map((user) => {
      return { user, isGuest: true, requested: requestedHandle("Twin") };
    });
    expect(await store.settleHandles("lobby", claims, [])).toEqual(["Twin", "Twin 2", "Twin 3"]);
  });

  it("gives a guest's handle to a user of the site who wants it, and the guest a number", async () => {
    const store = await open();
    expect(await say(store, "guest", "Ada")).toBe("Ada");
    expect(await say(store, "site", "Ada", false)).toBe("Ada");
    expect(await say(store, "guest", "Ada")).toBe("Ada 2");
    expect(await settle(store, "guest", "Ada")).toEqual(["Ada 2"]);
    expect(await settle(store, "another", "Ada", false)).toEqual(["Ada 2"]);
    expect(await say(store, "guest", "Ada 2")).toBe("Ada 3");
    expect(await say(store, "site", "Ada", false)).toBe("Ada");
  });

  it("releases the handle of a user who has left, and no other", async () => {
    const store = await open();
    await settle(store, "ann", "Ann");
    await settle(store, "bob", "Bob");
    const left = [
      { user: "ann", requested: requestedHandle("Ann") },
      { user: "ann", requested: requestedHandle("Bob") },
    ];
    expect(await store.settleHandles("lobby", [], left)).toEqual([]);
    expect(await say(store, "new", "Ann")).toBe("Ann");
    expect(await say(store, "new", "Bob")).toBe("Bob 2");
    expect(await say(store, "ann", "Ann")).toBe("Ann 2");
  });

  it("looks again whose a handle is after its user has left or has spoken under another", async () => {
    const store = await open();
    await say(store, "ann", "Ann");
    await store.settleHandles("lobby", [], [{ user: "ann", requested: requestedHandle("Ann") }]);
    expect(await settle(store, "new", "Ann")).toEqual(["Ann"]);
    expect(await say(store, "ann", "Ann")).toBe("Ann 2");
    expect(await say(store, "ann", "Bob")).toBe("Bob");
    expect(await say(store, "new", "Ann")).toBe("Ann");
    expect(await say(store, "new", "Bob")).toBe("Bob 2");
    expect(await say(store, "ann", "Ann")).toBe("Ann 2");
  });

  it("keeps the rooms apart", async () => {
    const store = await open();
    await say(store, "one", "Ada");
    const claim = { user: "two", isGuest: true, requested: requestedHandle("Ada") };
    expect(await store.settleHandles("attic", [claim], [])).toEqual(["Ada"]);
  });

  it.each([
    ["of full length", LONG, `${"x".repeat(25)} 2`],
    ["with quotes and what stands around a handle", 'A","text":"\\', 'A","text":"\\ 2'],
    ["of letters that look alike in one case only", "\u039d\u0438", "\u039d\u0438 2"],
    ["of punctuation", "!!!", "!!! 2"],
    ["of many bytes", "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}".repeat(20), undefined],
    ["in the words of a pattern", "%d%1 (.*)", "%d%1 (.*) 2"],
  ])("numbers a handle %s so that no other user can take it", async (_, handle, numbered) => {
    const store = await open();
    await say(store, "one", handle);
    const got = await say(store, "two", handle);
    expect(got).toBe(numbered ?? `${handle} 2`);
    expect(await say(store, "three", got)).not.toBe(got);
    expect(await say(store, "two", got)).toBe(got);
  });

  it("gives a guest in a crowd of look-alikes a number that stays", async () => {
    const store = await open();
    for (let number = 1; number <= 20; number += 1) await say(store, `user${number}`, "Ada");
    const got = await say(store, "late", "Ada");
    expect(got).toMatch(/^Ada \d{6}$/);
    expect(await say(store, "late", "Ada")).toBe(got);
    expect(await say(store, "late", got)).toBe(got);
    expect(await say(store, "copy", got)).not.toBe(got);
  });

  it("answers a repeated key as before, also if another user has the handle by now", async () => {
    const store = await open();
    const requested = requestedHandle("Ada");
    const append = { ...message("hi", { user: "guest", key: "k" }), guest: { network: "" }, requested };
    const first = await store.append(append);
    await settle(store, "site", "Ada", false);
    expect(await store.append(append)).toEqual({ outcome: "duplicate", id: "id" in first ? first.id : "" });
  });

  it("stores a message without a handle to look at as it is", async () => {
    const store = await open();
    await settle(store, "ann", "Ann");
    const bare = { ...message("hi", { user: "two" }) };
    expect(await store.append(bare)).toMatchObject({ outcome: "stored" });
  });
});

it("compares a stem with a number as it compares the whole", () => {
  expect(Array.from("0123456789", (digit) => looksOf(`a${digit}`)[0]).join("")).toBe(
    Array.from(DIGIT_LOOKS, (look) => `a${look}`).join(""),
  );
  for (const handle of [
    "Ada",
    "!!!",
    "\u039d\u0438",
    "Jürgen",
    LONG,
    "Ada 2",
    "system4",
    "\u{1f468}",
    "ΑΣ",
  ]) {
    for (const number of [2, 10, 20, 483_920]) {
      const candidate = withNumber(requestedHandle(handle), number);
      expect(candidate.looks).toEqual(looksOf(candidate.handle));
    }
  }
});
