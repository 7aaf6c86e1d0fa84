import { describe, expect, it } from "vitest";
import type { ConnectionState } from "../../../src/client/connection/connection.ts";
import { type ConnectionView, connectionText } from "../../../src/page/connection/connection-text.ts";
import { splitAddresses } from "../../../src/page/messages/addresses.ts";
import { dayName, untilMidnight } from "../../../src/page/messages/dates.ts";
import { isLong } from "../../../src/page/messages/fold.ts";
import { isEmojiOnly, type Piece, piecesOf, shownAddress } from "../../../src/page/messages/markup.ts";
import { typingParts } from "../../../src/page/messages/typing-line.ts";
import {
  lineText,
  nextUnreadLine,
  type UnreadLine,
  type UnreadLineEvent,
} from "../../../src/page/messages/unread-line.ts";
import { beginningOf } from "../../../src/page/room/beginning.ts";
import { type HeadView, headText } from "../../../src/page/room/head-text.ts";
import {
  nearestRoom,
  noRoomOf,
  noRoomText,
  roomLink,
  roomName,
  roomOf,
  socketUrl,
} from "../../../src/page/room/places.ts";
import { recentPeople } from "../../../src/page/room/recent-people.ts";
import { announcementOf } from "../../../src/page/unread/announcement.ts";
import { countedIcon, pageTitle } from "../../../src/page/unread/counted-title.ts";
import { mentions } from "../../../src/page/unread/mention.ts";
import { unreadOf } from "../../../src/page/unread/unread.ts";
import { unreadAboveText } from "../../../src/page/unread/unread-above.ts";
import { ownHandle } from "../../../src/page/user/own-handle.ts";
import { codePoints } from "../../../src/page/writing/code-points.ts";
import { failureText, refusalText } from "../../../src/page/writing/send-text.ts";

describe("the page's address", () => {
  it("decides between ws: and wss:", () => {
    expect(socketUrl({ protocol: "http:", host: "localhost:3000" })).toBe("ws://localhost:3000/ws");
    expect(socketUrl({ protocol: "https:", host: "chat.example" })).toBe("wss://chat.example/ws");
  });

  it("names a room, or none", () => {
    expect(roomOf("?room=garden-club")).toBe("garden-club");
    expect(roomOf("?room=")).toBeUndefined();
    expect(roomOf("?room=../x")).toBeUndefined();
    expect(roomOf("")).toBeUndefined();
    expect(roomOf(new URL(roomLink("a.b_c"), "http://x").search)).toBe("a.b_c");
  });

  it("may name something that is no room, and there may be a room's name that is near", () => {
    const rows = ["Küche", "garden club", "#random", "Straße 7!", "../x", "日本語", "?", "a".repeat(300)];
    expect(rows.map((name) => noRoomOf(`?room=${encodeURIComponent(name)}`))).toEqual(rows);
    expect(["?room=lobby", "?room=", "?room=%20", ""].map(noRoomOf)).toEqual(Array(4).fill(undefined));
    expect(rows.map(nearestRoom)).toEqual([
      "kuche",
      "garden-club",
      "random",
      "strasse-7",
      "x",
      undefined,
      undefined,
      "a".repeat(64),
    ]);
    expect(noRoomText("Küche")).toMatch(/^“Küche” is not a room name\. /);
    expect(noRoomText("é".repeat(300)).length).toBeLessThan(200);
  });

  it("takes what people type as a room's name where that can be one", () => {
    expect(roomName("  # Garden Club ")).toBe("Garden-Club");
    expect(roomName("lobby")).toBe("lobby");
    expect(roomName("garten für alle")).toBeUndefined();
    expect(roomName(" ")).toBeUndefined();
  });
});

describe("addresses in a message", () => {
  const links = (message: string) => splitAddresses(message).flatMap((part) => part.href ?? []);

  it.each([
    ["see https://example.org/a?b=c#d now", ["https://example.org/a?b=c#d"]],
    ["(https://example.org/x)", ["https://example.org/x"]],
    ["https://en.example.org/Ada_(name).", ["https://en.example.org/Ada_(name)"]],
    ["http://a.example, HTTPS://B.example!", ["http://a.example", "HTTPS://B.example"]],
    ["javascript:alert(1) data:text/html,x", []],
    ['<a href="https://a.example">', ["https://a.example"]],
    ["https:// http://", []],
    ["[https://example.org/x)].", ["https://example.org/x"]],
    ["xhttps://example.org/", ["https://example.org/"]],
    ["mailto:mailto:ada@x.example", ["mailto:mailto:ada@x.example"]],
    ["mailto: or xmailto:a@b or MailTo:ada@x.example@y", ["MailTo:ada@x.example"]],
    ["mailto:http://x.example", ["http://x.example"]],
    [`http://${"a".repeat(600)}/`, []],
    ["no address", []],
  ])("%j: %j", (message, expected) => {
    expect(links(message)).toEqual(expected);
  });

  it("leave the message as it is", () => {
    for (const message of ["", "a https://x.example/), b", "https://x.example", "\n https://x.example\n"]) {
      expect(
        splitAddresses(message)
          .map((part) => part.text)
          .join(""),
      ).toBe(message);
    }
  });

  it("are found in a long message of brackets in no time", () => {
    const message = `https://x.example/${")".repeat(1_900)}`;
    expect(links(message)).toEqual(["https://x.example/"]);
  });
});

describe("the beginning of a message's row", () => {
  const noon = new Date(2026, 3, 1, 12).getTime();
  const message = { user: "u1", handle: "Ada", at: noon };

  it("goes on with the group within five minutes of the same person", () => {
    expect(beginningOf({ ...message, at: noon + 299_999 }, message).starts).toBe(false);
    expect(beginningOf({ ...message, at: noon + 300_000 }, message).starts).toBe(true);
    expect(beginningOf({ ...message, user: "u2" }, message).starts).toBe(true);
    expect(beginningOf({ ...message, handle: "Eve" }, message).starts).toBe(true);
    expect(beginningOf(message, undefined)).toEqual({ day: true, gap: "none", starts: true });
  });

  it("names the day where another one begins", () => {
    const lateEvening = { ...message, at: new Date(2026, 3, 1, 23, 59, 59).getTime() };
    const midnight = { ...message, at: new Date(2026, 3, 2).getTime() };
    expect(beginningOf(midnight, lateEvening)).toEqual({ day: true, gap: "none", starts: true });
    expect(dayName(noon, lateEvening.at)).toBe("Today");
    expect(dayName(noon, midnight.at)).toBe("Yesterday");
    expect(dayName(noon, new Date(2027, 5, 1).getTime())).toContain("2026");
  });

  it("starts anew after a gap", () => {
    expect(beginningOf({ ...message, gap: "open" }, message)).toEqual({
      day: false,
      gap: "open",
      starts: true,
    });
  });
});

describe("the next midnight", () => {
  const HOUR = 3_600_000;

  it("is up to a day away, and a whole day at midnight", () => {
    expect(untilMidnight(new Date(2026, 3, 1, 23, 59, 59, 999).getTime())).toBe(1);
    expect(untilMidnight(new Date(2026, 3, 1, 12).getTime())).toBe(12 * HOUR);
    expect(untilMidnight(new Date(2026, 3, 1).getTime())).toBe(24 * HOUR);
  });

  it("comes an hour earlier or later on a day when the clock is changed", () => {
    const zone = process.env["TZ"];
    process.env["TZ"] = "Europe/Berlin";
    try {
      expect(untilMidnight(new Date(2026, 2, 29).getTime())).toBe(23 * HOUR);
      expect(untilMidnight(new Date(2026, 9, 25).getTime())).toBe(25 * HOUR);
    } finally {
      if (zone === undefined) delete process.env["TZ"];
      else process.env["TZ"] = zone;
    }
  });
});

describe("the people of a crowd", () => {
  const NOW = 100_000_000;
  const MINUTE = 60_000;
  const said = (user: string, minutesAgo: number, handle = user) => ({
    user,
    handle,
    at: NOW - minutesAgo * MINUTE,
  });

  it("are those who type and those who spoke in the last 15 minutes, each once with the newest name", () => {
    const messages = [said("old", 16), said("ada", 14, "Ada"), said("bob", 3), said("ada", 2, "Bea")];
    expect(recentPeople(messages, [{ id: "cy", handle: "Cy" }], NOW)).toEqual([
      { id: "cy", handle: "Cy" },
      { id: "ada", handle: "Bea" },
      { id: "bob", handle: "bob" },
    ]);
    expect(recentPeople([], [], NOW)).toEqual([]);
  });

  it("are at most 50, the newest", () => {
    const messages = Array.from({ length: 60 }, (_, index) => said(`user-${index}`, 1));
    const people = recentPeople(messages, [], NOW);
    expect(people).toHaveLength(50);
    expect(people[0]?.id).toBe("user-59");
  });
});

describe("the own name in a room", () => {
  const LONG = "Maximiliana Wolkenstein-Trostbur";
  it.each([
    ["the one in the list, with its suffix", [{ id: "me", handle: "Ada 2" }], "Ada", "Ada", "Ada 2"],
    ["the one of the join, where a crowd has no list", [], "Ada 2", "Ada", "Ada 2"],
    ["the one that was asked for, where a crowd's join was before", [], "Ada 2", "Bea", "Bea"],
    ["the one that was asked for, where the one before begins with it", [], "Ada", "Ad", "Ad"],
    ["a long one with a suffix", [], `${LONG.slice(0, 30)} 2`, LONG, `${LONG.slice(0, 30)} 2`],
    ["a guest's, where none was asked for", [{ id: "me", handle: "guest-1" }], "", "", "guest-1"],
  ])("is %s", (_case, users, handle, asked, expected) => {
    expect(ownHandle({ handle, people: { users } }, "me", asked)).toBe(expected);
  });
});

describe("the connection line", () => {
  const waiting: ConnectionState = { name: "waiting", attempt: 1, retryAt: 9, cause: "lost" };
  const live: ConnectionState = { name: "live", attempt: 0, restarting: false };
  const words = (fields: Partial<ConnectionView>) =>
    connectionText({
      connection: live,
      wasLive: true,
      cause: undefined,
      storeIsLive: true,
      isOffline: false,
      ...fields,
    });

  it("says nothing where all is well", () => {
    expect(words({})).toBeUndefined();
    expect(words({ connection: { name: "idle" } })).toBeUndefined();
  });

  it("has different words for each kind of trouble", () => {
    const kinds = [
      words({ connection: waiting, cause: "lost" }),
      words({ connection: waiting, cause: "restarting" }),
      words({ connection: { ...waiting, cause: "too-many" }, cause: "too-many" }),
      words({ connection: waiting, cause: "lost", isOffline: true }),
      words({ connection: { name: "connecting", attempt: 0 } }),
      words({ storeIsLive: false }),
      words({ connection: { name: "closed", cause: "unauthorized", reason: "" } }),
      words({ connection: { name: "closed", cause: "unauthorized", reason: "" }, wasLive: false }),
      words({ connection: { name: "closed", cause: "forbidden", reason: "" } }),
      words({ connection: { name: "closed", cause: "protocol", reason: "" } }),
      words({ connection: { name: "closed", cause: "origin", reason: "" } }),
    ].map((each) => each?.text);
    expect(new Set(kinds).size).toBe(11);
    expect(kinds).not.toContain(undefined);
  });

  it("says at once that the browser is offline, also while the connection still seems to live", () => {
    const states: ConnectionState[] = [live, waiting, { name: "connecting", attempt: 0 }];
    for (const connection of states) {
      const said = words({ connection, isOffline: true });
      expect(said?.text).toContain("You are offline.");
      expect(said?.atOnce).toBe(true);
    }
    expect(words({ connection: waiting })?.atOnce).toBe(false);
  });

  it("shows the server's sentence about the page's address as it is, and offers another try", () => {
    const reason = "This page's address (https://blog.example) is not allowed by the server.";
    const said = words({ connection: { name: "closed", cause: "origin", reason } });
    expect(said).toMatchObject({ text: reason, fatal: true, canRetry: true });
  });

  it("asks a user to sign in who was not signed in here before, and offers another try", () => {
    const closed: ConnectionState = { name: "closed", cause: "unauthorized", reason: "" };
    const sentence = "Sign in to take part.";
    expect(words({ connection: closed, wasLive: false })).toMatchObject({ text: sentence, canRetry: true });
    const refused: ConnectionState = { ...closed, reason: "The token is not valid." };
    expect(words({ connection: refused, wasLive: false })?.text).toBe(
      `${sentence} (The token is not valid.)`,
    );
    expect(words({ connection: closed })?.text).toContain("You are signed out.");
  });

  it("offers another try only where it may help", () => {
    expect(words({ connection: waiting })?.canRetry).toBe(true);
    expect(words({ connection: { ...waiting, cause: "too-many" } })?.canRetry).toBe(false);
    expect(words({ storeIsLive: false })?.canRetry).toBe(false);
    expect(words({ connection: { name: "closed", cause: "forbidden", reason: "" } })?.canRetry).toBe(false);
  });
});

describe("markup in a message", () => {
  const flat = (pieces: readonly Piece[]): string =>
    pieces
      .map((piece) => {
        if (piece.kind === "text") return piece.text;
        const inner = "pieces" in piece ? flat(piece.pieces) : piece.text;
        return `<${piece.kind} ${inner}>`;
      })
      .join("");

  it.each([
    ["**bold** and *italics* and _italics_", "<bold bold> and <italic italics> and <italic italics>"],
    ["**bold with *italics* in it**", "<bold bold with <italic italics> in it>"],
    ["run `npm *ci*` now", "run <code npm *ci*> now"],
    ["2 * 3 * 4, a*b*c, snake_case_name, 5**2**3", "2 * 3 * 4, a*b*c, snake_case_name, 5**2**3"],
    ["** no **, * no *, **", "** no **, * no *, **"],
    ["https://x.example/_a_/b_c", "<link https://x.example/_a_/b_c>"],
    ["`https://x.example`", "<code https://x.example>"],
    ["write to mailto:ada@x.example.", "write to <link mailto:ada@x.example>."],
    ["```ts\nlet a = 1;\n  **b**\n```\nafter", "<block let a = 1;\n  **b**>after"],
    ["```\nnever closed", "```\nnever closed"],
    ["  ```\n    a\n  ```", "<block     a>"],
    ["<b>no</b> &amp;", "<b>no</b> &amp;"],
    ["a\nb", "a\nb"],
  ])("%j: %j", (message, expected) => {
    expect(flat(piecesOf(message))).toBe(expected);
  });

  it("is read to the end, whatever is written", () => {
    for (const mark of ["*", "**", "_", "`", "```\n", "*a ", "**a", "[](", "mailto:a", "https://"]) {
      // A pattern that backtracks badly takes longer than a test may.
      expect(piecesOf(mark.repeat(2_000 / mark.length)), mark).not.toEqual([]);
    }
  });

  it("is larger where there is nothing but a few emoji", () => {
    expect(["👍", "👩‍👩‍👧 🎉", "🇩🇪"].map(isEmojiOnly)).toEqual([true, true, true]);
    expect(["", "1", "#", "ok 👍", "👍".repeat(7), " "].map(isEmojiOnly)).toEqual(Array(6).fill(false));
  });

  it("shows the host that a link leads to, not the one it pretends", () => {
    expect(shownAddress("https://bank.example@evil.example/login?a=b")).toEqual({
      before: "https://",
      host: "evil.example",
      after: "/login?a=b",
    });
    expect(shownAddress("https://evil.example\\@bank.example")).toEqual({
      before: "https://",
      host: "evil.example",
      after: "\\@bank.example",
    });
    expect(shownAddress("https:///x.example/y")).toEqual({
      before: "https://",
      host: "x.example",
      after: "/y",
    });
    expect(shownAddress("https://ban\u043a.example/").host).toMatch(/^xn--[a-z-]+\.example$/);
    expect(shownAddress("HTTP://X.example:8080").host).toBe("x.example:8080");
    expect(shownAddress("mailto:ada@x.example").host).toBe("ada@x.example");
  });
});

describe("the unread line", () => {
  const none: UnreadLine = { name: "none" };
  const sought: UnreadLine = { name: "sought" };
  const fresh: UnreadLine = { name: "new", id: "5-0", isCut: false };
  const seen: UnreadLine = { name: "seen", id: "5-0", isCut: false };
  const rows: [UnreadLine, UnreadLineEvent, UnreadLine][] = [
    [seen, { name: "enter" }, none],
    [none, { name: "find", first: "5-0", isCut: false }, fresh],
    [sought, { name: "find", first: "5-0", isCut: false }, fresh],
    [none, { name: "find", first: undefined, isCut: false }, none],
    [none, { name: "seek" }, sought],
    [none, { name: "arrive", first: "5-0", atEnd: false }, fresh],
    [sought, { name: "arrive", first: "6-0", atEnd: true }, sought],
    [fresh, { name: "arrive", first: "6-0", atEnd: true }, fresh],
    [seen, { name: "arrive", first: "6-0", atEnd: true }, { name: "new", id: "6-0", isCut: false }],
    [seen, { name: "arrive", first: "6-0", atEnd: false }, seen],
    [fresh, { name: "look" }, seen],
    [seen, { name: "look" }, seen],
    [sought, { name: "look" }, sought],
    [none, { name: "look" }, none],
  ];
  it.each(rows)("%j, %j: %j", (line, event, expected) => {
    expect(nextUnreadLine(line, event)).toEqual(expected);
  });

  it("says when earlier unread messages are no longer kept", () => {
    expect(lineText({ isCut: false })).toBe("New messages");
    expect(lineText({ isCut: true })).toContain("no longer be shown");
  });
});

describe("what is unread above the window", () => {
  const noon = new Date(2026, 3, 2, 12).getTime();
  const since = new Date(2026, 3, 2, 9, 5).getTime();
  const yesterday = new Date(2026, 3, 1, 9, 5).getTime();

  it("is said with its number and since when", () => {
    expect(unreadAboveText({ count: 1, hasMore: false, since: undefined }, noon)).toBe("1 new message");
    expect(unreadAboveText({ count: 73, hasMore: false, since }, noon)).toMatch(
      /^73 new messages since 0?9:05/,
    );
    expect(unreadAboveText({ count: 50, hasMore: true, since: yesterday }, noon)).toMatch(
      /^50\+ new messages since yesterday, 0?9:05/,
    );
  });
});

describe("what is unread", () => {
  const made = (n: number, user: string, withdrawn = false) => ({
    id: `${n}-0`,
    prev: `${n - 1}-0`,
    user,
    withdrawn,
  });
  const messages = [made(9, "u2"), made(10, "u1"), made(11, "u2"), made(12, "u2", true), made(13, "u3")];
  const unread = (read: string | undefined, hasOlder = false) => unreadOf({ messages, hasOlder }, read, "u1");
  const ids = (read: string | undefined) => unread(read).messages.map((message) => message.id);

  it("is what others said after the last id that was read, by number and not by text", () => {
    expect(ids("9-0")).toEqual(["11-0", "13-0"]);
    expect(ids("8-0")).toEqual(["9-0", "11-0", "13-0"]);
    expect(ids("13-0")).toEqual([]);
    expect(ids("99-0")).toEqual([]);
    expect(unreadOf({ messages: [], hasOlder: false }, "1-0", "u1").messages).toEqual([]);
  });

  it("is nothing on a first visit", () => {
    expect(ids(undefined)).toEqual([]);
  });

  it("may be more than what is here, or more than the server keeps", () => {
    expect(unread("8-0", true).before).toBe("nothing");
    expect(unread("7-0", true).before).toBe("more");
    expect(unread("7-0", false).before).toBe("gone");
    expect(unread(undefined, true).before).toBe("nothing");
  });

  it("is counted first in the title and in the icon", () => {
    expect([0, 3, 100].map((count) => pageTitle("lobby", { count, hasMore: false }))).toEqual([
      "lobby · dynochat",
      "(3) lobby · dynochat",
      "(99+) lobby · dynochat",
    ]);
    expect(pageTitle("lobby", { count: 50, hasMore: true })).toBe("(50+) lobby · dynochat");
    expect(countedIcon({ count: 0, hasMore: false }, "/icon.svg")).toBe("/icon.svg");
    expect(decodeURIComponent(countedIcon({ count: 7, hasMore: false }, "/icon.svg"))).toContain(">7</text>");
  });
});

describe("a mention", () => {
  it.each([
    ["Ada, are you there?", true],
    ["ask @ada!", true],
    ["ADA", true],
    ["Adam knows, and so does Nevada", false],
    ["Adam or Ada", true],
    ["\u{1d400}Ada and Ada\u{1d400}", false],
    ["", false],
  ])("%j of Ada: %s", (text, expected) => {
    expect(mentions(text, "Ada")).toBe(expected);
  });

  it("is of the whole name, whatever characters it has", () => {
    expect(mentions("hello (^_^) you", "(^_^)")).toBe(true);
    expect(mentions("Mina O. said", "Mina Okafor")).toBe(false);
    expect(mentions("anything", "")).toBe(false);
  });
});

describe("small sentences", () => {
  const people = ["Ada", "Bob", "Cy", "Di"].map((handle) => ({ id: handle, handle }));

  it("say who types, with at most three names", () => {
    expect([0, 1, 2, 3, 4].map((count) => typingParts(people.slice(0, count)).join(""))).toEqual([
      "",
      "Ada is typing",
      "Ada and Bob are typing",
      "Ada, Bob and Cy are typing",
      "Several people are typing",
    ]);
  });

  it("announce up to three messages by their text, more by their number", () => {
    const said = people.map(({ handle }) => ({ handle, text: "hello" }));
    expect(announcementOf(said.slice(0, 2))).toBe("Ada: hello\nBob: hello");
    expect(announcementOf(said)).toBe("4 new messages");
  });

  it("count code points", () => {
    expect(codePoints("a𝒳é")).toBe(3);
  });
});

describe("what stands above a room's first message", () => {
  const room: HeadView["room"] = {
    name: "lobby",
    state: "current",
    refusal: undefined,
    hasOlder: false,
    wasReset: false,
  };
  const view: HeadView = { room, isEmpty: false, isLoading: false, isFull: false, isCut: false };

  it.each<[string, HeadView, string]>([
    ["a beginning", view, "This is where #lobby begins."],
    ["an empty room", { ...view, isEmpty: true }, "Nothing has been said in #lobby yet. Say hello."],
    ["a room not yet joined", { ...view, room: { ...room, state: "joining" }, isEmpty: true }, ""],
    [
      "a stream that was lost",
      { ...view, room: { ...room, wasReset: true } },
      "lost the earlier messages in #lobby",
    ],
    [
      "a stream that was lost whole",
      { ...view, room: { ...room, wasReset: true }, isEmpty: true },
      "lost the earlier messages",
    ],
    ["older ones", { ...view, room: { ...room, hasOlder: true } }, ""],
    ["older ones on their way", { ...view, room: { ...room, hasOlder: true }, isLoading: true }, "Loading"],
    ["too many", { ...view, room: { ...room, hasOlder: true }, isFull: true }, "are not shown here"],
    ["a history that was cut", { ...view, isCut: true }, "no longer kept"],
    ["a refusal", { ...view, room: { ...room, refusal: "Not you." }, isEmpty: true }, "Not you."],
  ])("says so of %s", (_what, given, expected) => {
    const words = headText(given);
    if (expected === "") expect(words).toBe("");
    else expect(words).toContain(expected);
  });
});

describe("a message that was not sent", () => {
  it("says why, in the server's words or in the page's", () => {
    expect(failureText(undefined)).toBe("Not sent.");
    expect(failureText("Not here.")).toBe("Not sent. Not here.");
    expect(failureText("in-doubt")).toContain("not known whether this arrived");
    expect(failureText("too-old")).toContain("a while ago");
  });

  it("or not even taken says why", () => {
    const limits = { textLength: 100, refusal: "Members only." };
    expect(refusalText("text-empty", limits)).toContain("nothing to send");
    expect(refusalText("text-too-long", limits)).toContain("at most 100 characters");
    expect(refusalText("queue-full", limits)).toContain("waiting already");
    expect(refusalText("room-refused", limits)).toBe("Members only.");
  });
});

describe("a long message", () => {
  it.each([
    ["", 1_280, false],
    ["x".repeat(1_700), 1_280, false],
    ["x".repeat(1_800), 1_280, true],
    ["x".repeat(500), 320, false],
    ["x".repeat(600), 320, true],
    ["\n".repeat(23), 2_000, false],
    ["\n".repeat(24), 2_000, true],
    ["\n".repeat(2_000), 320, true],
  ])("is folded by its lines, written or broken: %#", (text, width, expected) => {
    expect(isLong(text, width)).toBe(expected);
  });
});
