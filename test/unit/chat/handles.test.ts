import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { handleFrom, readHandle } from "../../../src/chat/text/handle.ts";
import { disambiguate, looksOf } from "../../../src/chat/text/look-alike.ts";
import { unicodeTables } from "../../fixtures/unicode-tables.ts";
import { FakeClient, openChat } from "../../kit/fakes/fake-client.ts";
import { MESSAGES, openApi, say, withKey } from "../../kit/servers/api.ts";

const ZWNJ = "\u200c";
const ZWJ = "\u200d";
const FAMILY = "👨‍👩‍👧‍👦";
const ENGLAND = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
const COUPLE = "👩🏽‍❤️‍💋‍👨🏿";

describe("a handle", () => {
  it.each([
    ["a Persian name whose parts would join", `علی${ZWNJ}رضا`],
    ["a Persian name whose parts would not join", `محمد${ZWNJ}رضا`],
    ["a Persian word with a vowel sign before the joiner", `مَیْ${ZWNJ}خواهم`],
    ["a Sinhala name", `ශ${"\u0dca"}${ZWJ}රී`],
    ["a Malayalam name with a joiner at its end", `രാജന${"\u0d4d"}${ZWJ}`],
    ["a Bengali name with a joiner before the virama", `র${ZWJ}${"\u09cd"}যাব`],
    ["a Kannada name with a joiner before the virama", `ರ${ZWJ}${"\u0ccd"}ಕ`],
    ["a Sinhala name with letters that touch", `ක${ZWJ}${"\u0dca"}ක`],
    ["a Hindi name with a joiner", `क${"\u094d"}${ZWJ}ष`],
    ["a Burmese name with many marks", "ညွှန့်ကျွန်ုပ်"],
    ["a Hebrew name with points", "רִבְקָה"],
    ["a Mongolian name with a variant of a letter", "ᠡ\u180bᠮ"],
    ["a Japanese name with a variant of an ideograph", "葛\u{e0100}城"],
    ["a family", FAMILY],
    ["32 families", FAMILY.repeat(32)],
    ["32 couples with colours of skin", COUPLE.repeat(32)],
    ["32 flags of England", ENGLAND.repeat(32)],
    ["32 flags of countries", "🇩🇪".repeat(32)],
    ["a heart with its selector", "❤️ Ann"],
    ["a rainbow flag", "🏳️‍🌈"],
    ["a key", "1️⃣"],
    ["Braille with a blank inside", "⠁⠝⠝\u2800⠃"],
  ])("may be %s", (_what, name) => {
    expect(readHandle(name)).toEqual({ ok: true, value: name.normalize("NFKC") });
  });

  it.each([
    ["Ann\u202e", "U+202E (right-to-left override)"],
    ["A\u200bnn", "U+200B (zero width space)"],
    [`A${ZWNJ}nn`, "U+200C (zero width non-joiner)"],
    [`A${ZWJ}nn`, "U+200D (zero width joiner)"],
    [`👨${ZWJ}Ann`, "U+200D (zero width joiner)"],
    ["Ann\ufe0f", "U+FE0F (variation selector)"],
    ["1\ufe0f", "U+FE0F (variation selector)"],
    ["A\u{e0100}", "U+E0100 (variation selector)"],
    ["\u{1f3f4}\u{e0067}\u{e007f}", "U+E0067 (tag)"],
    ["Ann\u00ad", "U+00AD (soft hyphen)"],
    ["Ann\u3164", "U+3164 (hangul filler)"],
    ["Ann\u17b4", "U+17B4 (khmer vowel inherent aq)"],
    ["A\u0007nn", "U+0007 (control character)"],
    ["A\ud800nn", "U+D800 (half a character)"],
    ["A\ue000nn", "U+E000 (private-use character)"],
    ["A\u0378nn", "U+0378 (unassigned code point)"],
    ["A\u2028nn", "U+2028 (line separator)"],
  ])("%j is refused, and the sentence names the character", (name, character) => {
    const message = `A name cannot contain ${character}.`;
    expect(readHandle(name)).toEqual({ ok: false, error: { code: "bad-handle", message } });
  });

  it.each([
    ["33 families", FAMILY.repeat(33), "A name has at most 32 characters."],
    ["33 letters with accents", "e\u0301\u0323".repeat(33), "A name has at most 32 characters."],
    ["one emoji of a hundred people", `👩${`${ZWJ}👩`.repeat(200)}`, "A name has at most 32 characters."],
    ["a letter with 10,000 marks", `Z${"\u0489".repeat(10_000)}`, "A name has at most 32 characters."],
    ["a letter with 20 marks", `Z${"\u0489".repeat(20)}`, "A name has at most 6 marks on one character."],
    ["a page of letters that become others", "\ufdfa".repeat(5_000), "A name has at most 32 characters."],
  ])("of %s is refused", (_what, name, message) => {
    expect(readHandle(name)).toEqual({ ok: false, error: { code: "bad-handle", message } });
  });

  it.each([
    "\u3164",
    "\uffa0",
    "\u115f",
    "\u2800",
    "\ufe0f",
    "\u17b4",
    "\u200b\u2060\ufeff",
    "\u180e",
    "\u034f",
  ])("%j shows nothing and counts as missing", (name) => {
    expect(readHandle(name)).toEqual({ ok: true, value: undefined });
    expect(readHandle(` ${name}${name} `)).toEqual({ ok: true, value: undefined });
    expect(handleFrom(name)).toBeUndefined();
  });

  it("loses a joiner at its end that changes nothing", () => {
    expect(readHandle(`سلام${ZWNJ}`)).toEqual({ ok: true, value: "سلام" });
  });

  it.each([
    ["\u200fعلی", "علی"],
    ["علی\u200e", "علی"],
    ["דוד\u200f", "דוד"],
    ["עָ\u061cA", "עָA"],
    ["ភាសា\u200bខ្មែរ", "ភាសាខ្មែរ"],
    ["สวัสดี\u200bครับ", "สวัสดีครับ"],
  ])("%j loses what does nothing beside its letters", (name, handle) => {
    expect(readHandle(name)).toEqual({ ok: true, value: handle.normalize("NFKC") });
  });

  it.each([
    ...[
      "system",
      "SYSTEM",
      " System ",
      "s.y-s_t e m",
      "sуstеm",
      "ѕуѕтем",
      "𝒮𝓎𝓈𝓉𝑒𝓂",
      "ｓｙｓｔｅｍ",
      "systern",
    ],
    ...[
      "sýstém",
      "system\u2800",
      "s\u2800ystem",
      "system\u3164",
      "sys\u200btem",
      `system${ZWJ}`,
      "system\ufe0f",
    ],
    ...["sys\u{1d159}tem", "system\u{16fe4}", "\ufffcsystem"],
    ...["ꜱʏꜱᴛᴇᴍ", "🆂🆈🆂🆃🅴🅼", "🅢🅨🅢🅣🅔🅜", "🇸🇾🇸🇹🇪🇲"],
    ...["system\u00ad", "\u2060system", "system\u{e0067}", "sys\u034ftem"],
  ])("%j is not taken from the server", (name) => {
    expect(readHandle(name)).toMatchObject({ ok: false, error: { code: "bad-handle" } });
    expect(handleFrom(name)).toBeUndefined();
  });

  it("made of a longer name is cut between characters", () => {
    expect(handleFrom(FAMILY.repeat(40))).toBe(FAMILY.repeat(32));
    expect(handleFrom(`${"x".repeat(31)}${ENGLAND}Ann`)).toBe(`${"x".repeat(31)}${ENGLAND}`);
    expect(handleFrom(`Z${"\u0489".repeat(3_000)}`)).toBe(`Z${"\u0489".repeat(6)}`);
    expect(handleFrom(`\u0378\ufe0fAnn`)).toBe("Ann");
  });

  it("is suffixed between characters", () => {
    expect(disambiguate(FAMILY.repeat(32), "gabcd", ([look]) => look?.endsWith("2") === false)).toBe(
      `${FAMILY.repeat(25)} 2`,
    );
  });

  it("is on a message and in the welcome as it was given", async () => {
    const { chat } = openChat();
    for (const name of [`علی${ZWNJ}رضا`, FAMILY, ENGLAND]) {
      const client = await FakeClient.in(chat, "lobby", {}, name);
      expect(client.connection.framesOf("welcome")[0]).toMatchObject({ user: { handle: name } });
      await client.ask({ type: "message", room: "lobby", key: "k", text: "hi" });
      expect(client.connection.framesOf("message")[0]).toMatchObject({ handle: name });
    }
  });
});

describe("two handles", () => {
  it.each([
    ["paypal", "раураl"],
    ["Ian", "lan"],
    ["Нина", "нина"],
    ["ΝATE", "nate"],
    ["Ann", "Ánn"],
    ["Ann", "A\u2800nn"],
    [`علی${ZWNJ}رضا`, "علیرضا"],
    ["葛\u{e0100}城", "葛城"],
    ["modern", "modem"],
  ])("look alike: %j and %j", (one, other) => {
    expect(looksOf(one).some((look) => looksOf(other).includes(look))).toBe(true);
  });

  it.each([
    ["राम", "रमा"],
    ["Ann", "Anna"],
    ["กา", "กี"],
    ["😀", "😃"],
  ])("do not look alike: %j and %j", (one, other) => {
    expect(looksOf(one).some((look) => looksOf(other).includes(look))).toBe(false);
  });
});

describe("a text of which nothing is seen", () => {
  it.each([
    "\u3164",
    "\u2800\u2800",
    "\ufe0f",
    "\u17b4",
    "\u200b\u200d\n\ufeff",
    "\u202e \u2066",
    "\u{e0020}",
  ])("is refused as empty: %j", async (text) => {
    const { chat, log: store } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    const answer = await client.ask({ type: "message", room: "lobby", key: "k", text });
    expect(answer).toMatchObject({ type: "error", code: "text-empty" });
    expect(store.appends).toEqual([]);
  });

  it("is refused over HTTP, and one visible character makes it a text", async () => {
    const app = await openApi();
    expect((await say(app, "\u3164\u200b", withKey())).json().code).toBe("text-empty");
    for (const text of ["\u3164.", "\u0600", "❤️", "\u0301"]) {
      expect((await say(app, text)).statusCode).toBe(201);
      const { messages } = (await app.inject(`${MESSAGES}?limit=1`)).json();
      expect(messages[0].text).toBe(text);
    }
  });
});

it("the tables are what is generated from Unicode's data", async () => {
  const written = await readFile(
    new URL("../../../src/chat/text/unicode/tables.ts", import.meta.url),
    "utf8",
  );
  expect(written).toBe(await unicodeTables());
});
