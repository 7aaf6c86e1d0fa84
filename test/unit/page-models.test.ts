import { describe, expect, it } from "vitest";
import type { ConnectionState } from "../../src/client/connection.ts";
import { splitAddresses } from "../../src/page/addresses.ts";
import { announcementOf } from "../../src/page/announcement.ts";
import { beginningOf } from "../../src/page/beginning.ts";
import { codePoints } from "../../src/page/code-points.ts";
import { type ConnectionView, connectionWords } from "../../src/page/connection-words.ts";
import { dayName } from "../../src/page/dates.ts";
import { roomLink, roomName, roomOf, socketUrl } from "../../src/page/places.ts";
import { typingWords } from "../../src/page/typing-line.ts";

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

  it("starts anew behind a gap", () => {
    expect(beginningOf({ ...message, gap: "open" }, message)).toEqual({
      day: false,
      gap: "open",
      starts: true,
    });
  });
});

describe("the connection line", () => {
  const waiting: ConnectionState = { name: "waiting", attempt: 1, retryAt: 9, cause: "lost" };
  const live: ConnectionState = { name: "live", attempt: 0, restarting: false };
  const words = (fields: Partial<ConnectionView>) =>
    connectionWords({ connection: live, cause: undefined, logIsLive: true, isOnline: true, ...fields });

  it("says nothing where all is well", () => {
    expect(words({})).toBeUndefined();
    expect(words({ connection: { name: "idle" } })).toBeUndefined();
  });

  it("has different words for each kind of trouble", () => {
    const kinds = [
      words({ connection: waiting, cause: "lost" }),
      words({ connection: waiting, cause: "restarting" }),
      words({ connection: { ...waiting, cause: "too-many" }, cause: "too-many" }),
      words({ connection: waiting, cause: "lost", isOnline: false }),
      words({ connection: { name: "connecting", attempt: 0 } }),
      words({ logIsLive: false }),
      words({ connection: { name: "closed", cause: "unauthorized", reason: "" } }),
      words({ connection: { name: "closed", cause: "forbidden", reason: "" } }),
      words({ connection: { name: "closed", cause: "protocol", reason: "" } }),
    ].map((each) => each?.text);
    expect(new Set(kinds).size).toBe(9);
    expect(kinds).not.toContain(undefined);
  });

  it("offers another try only where it may help", () => {
    expect(words({ connection: waiting })?.canRetry).toBe(true);
    expect(words({ connection: { ...waiting, cause: "too-many" } })?.canRetry).toBe(false);
    expect(words({ logIsLive: false })?.canRetry).toBe(false);
    expect(words({ connection: { name: "closed", cause: "forbidden", reason: "" } })?.canRetry).toBe(false);
  });
});

describe("small sentences", () => {
  const people = ["Ada", "Bob", "Cy", "Di"].map((handle) => ({ id: handle, handle }));

  it("say who types, with at most three names", () => {
    expect([0, 1, 2, 3, 4].map((count) => typingWords(people.slice(0, count)))).toEqual([
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
