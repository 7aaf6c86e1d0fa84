import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { isRoomPattern } from "../chat/rights/room-patterns.ts";
import { PROGRAM_KEY_RULE, readProgramKey } from "../identity/program-key.ts";
import { isRoom } from "../protocol/ids.ts";
import { redisAddress } from "../store/redis/redis-url.ts";
import { formatHostPattern, formatOriginPattern, parseHostPattern, parseOriginPattern } from "./origins.ts";

/** The values that a setting accepts, as the text of a variable and as an option of the plugin. */
export interface Kind<T> {
  /** The accepted values, as the end of the sentence "it must be …". */
  readonly accepts: string;
  /** The accepted values of an option, if `accepts` describes text only. */
  readonly acceptsOption?: string;
  /** Returns the value of a text; undefined if the text is not accepted. Never throws. */
  read(text: string): T | undefined;
  /**
   * Returns an option's value in the form that `read` returns; undefined if it has another type or is not
   * accepted. Never throws.
   */
  check(option: unknown): T | undefined;
  /** Returns what is wrong with a rejected text or option, if `accepts` alone does not tell. Never throws. */
  why?(given: unknown): string | undefined;
}

/** Makes a kind whose value is text. Blanks around an option are ignored, as around a variable. */
function text<T extends string>(accepts: string, read: (text: string) => T | undefined): Kind<T> {
  return {
    accepts,
    read,
    check: (option) => (typeof option === "string" ? read(option.trim()) : undefined),
  };
}

export function wholeNumber(least: number, most: number): Kind<number> {
  const inRange = (value: number) => (value >= least && value <= most ? value : undefined);
  return {
    accepts: `a whole number from ${least} to ${most}`,
    read: (text) => (/^\d{1,15}$/.test(text) ? inRange(Number(text)) : undefined),
    check: (option) => (isWholeNumber(option) ? inRange(option) : undefined),
  };
}

function isWholeNumber(value: unknown): value is number {
  return Number.isInteger(value);
}

export const trueOrFalse: Kind<boolean> = {
  accepts: "true or false",
  read: (text) => (text === "true" ? true : text === "false" ? false : undefined),
  check: (option) => (typeof option === "boolean" ? option : undefined),
};

export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return text(`one of ${words.join(", ")}`, (given) => words.find((word) => word === given));
}

/** Makes the kind of one line of readable text; `most` in code points. */
export function line(most: number): Kind<string> {
  return text(`one line of 1 to ${most} characters`, (given) =>
    given === "" || /\p{Cc}/u.test(given) || [...given].length > most ? undefined : given,
  );
}

export const roomName = text(
  "a room name: up to 64 of A-Z a-z 0-9 . _ -, a letter or digit first",
  (given) => (isRoom(given) ? given : undefined),
);

/** An IP address or a host name to listen on. */
export const listenAddress = text("an IP address or a host name", (given) =>
  isIP(given) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(given) ? given : undefined,
);

export const redisUrl = text(
  "a URL such as redis://host:6379 or rediss://user:password@host:6379/0, special characters of the password percent-encoded",
  (given) => (redisAddress(given) === undefined ? undefined : given),
);

/** A URL without user and password: fetch() refuses those with an error that contains the whole URL. */
export const httpsUrl = text(
  "a URL that begins https://, or http://localhost, without a password",
  (given) => {
    const url = parseUrl(given, "https:", "http:");
    if (url === undefined || url.username !== "" || url.password !== "") return undefined;
    return url.protocol === "https:" || url.hostname === "localhost" ? given : undefined;
  },
);

/**
 * A path that a page's own origin answers, whatever that origin is: `//host` and, to a browser, `/\host` name
 * another host.
 */
export const originPath = text(
  "a path such as /chat-token: it begins with one /, in visible ASCII characters, without // and backslashes",
  (given) => (/^\/[\x21-\x5b\x5d-\x7e]{1,500}$/.test(given) && !given.includes("//") ? given : undefined),
);

/**
 * A prefix of keys. Braces would move the hash tag of a cluster's keys; spaces and control characters cause
 * trouble in tools.
 */
export const keyPrefix = text("1 to 64 visible ASCII characters without { and }", (given) =>
  /^[\x21-\x7a|~]{1,64}$/.test(given) ? given : undefined,
);

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** One or more certificates. A literal ` ` stands for a line end, so that one line can hold a PEM text. */
export const certificate = text(
  "certificates in PEM form, each beginning -----BEGIN CERTIFICATE-----",
  (given) => {
    const pem = given.replaceAll(/(\\r)?\\n/g, "\n");
    const certificates = pem.match(PEM_CERTIFICATE) ?? [];
    const begun = pem.split("-----BEGIN CERTIFICATE-----").length - 1;
    // TLS reads all of them, and ignores one that it cannot read.
    const isWhole = certificates.length > 0 && certificates.length === begun;
    return isWhole && certificates.every(isCertificate) ? pem : undefined;
  },
);

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** Keys of an HMAC with SHA-256, each of which has at least the size of the hash (RFC 7518, section 3.2). */
export const signingSecrets: Kind<readonly string[]> = {
  accepts: "at least 32 bytes, or several such secrets, comma-separated",
  acceptsOption: "at least 32 bytes, or an array of such secrets",
  read: (text) => listOf(text.split(","), signingSecretOf),
  check: (option) => listOf(typeof option === "string" ? [option] : option, signingSecretOf),
};

function signingSecretOf(text: string): string | undefined {
  return Buffer.byteLength(text) >= 32 ? text : undefined;
}

export const programKeys: Kind<readonly string[]> = {
  accepts: `a comma-separated list of keys, each ${PROGRAM_KEY_RULE}`,
  acceptsOption: `an array of keys, each ${PROGRAM_KEY_RULE}`,
  read: (text) => listOf(text.split(","), programKeyOf),
  check: (option) => listOf(option, programKeyOf),
};

function programKeyOf(text: string): string | undefined {
  return readProgramKey(text) === undefined ? undefined : text;
}

export const roomPatterns: Kind<readonly string[]> = {
  accepts: "a comma-separated list of rooms such as board and team-*, or *",
  acceptsOption: "an array of rooms such as board and team-*, or *",
  read: (text) => listOf(text.split(","), roomPatternOf),
  check: (option) => listOf(option, roomPatternOf),
};

function roomPatternOf(text: string): string | undefined {
  return isRoomPattern(text) ? text : undefined;
}

/** `*`, or patterns that an Origin header can match, in canonical form. */
export const origins: Kind<"*" | readonly string[]> = {
  accepts: "* or a comma-separated list of origins such as https://example.com",
  acceptsOption: "* or an array of origins such as https://example.com",
  read: (text) => (text === "*" ? text : listOf(text.split(","), canonicalOrigin)),
  check: (option) => (option === "*" ? option : listOf(option, canonicalOrigin)),
  why: (given) => firstProblem(given, parseOriginPattern),
};

/** Patterns that a Host header can match, in canonical form. */
export const hosts: Kind<readonly string[]> = {
  accepts: "a comma-separated list of host names such as chat.example.com, without schemes and ports",
  acceptsOption: "an array of host names such as chat.example.com, without schemes and ports",
  read: (text) => listOf(text.split(","), canonicalHost),
  check: (option) => listOf(option, canonicalHost),
  why: (given) => firstProblem(given, parseHostPattern),
};

function canonicalHost(item: string): string | undefined {
  return problemOf(item, parseHostPattern) === undefined
    ? formatHostPattern(parseHostPattern(item))
    : undefined;
}

function canonicalOrigin(item: string): string | undefined {
  return problemOf(item, parseOriginPattern) === undefined
    ? formatOriginPattern(parseOriginPattern(item))
    : undefined;
}

/** Returns what is wrong with the first item that `parse` does not accept. */
function firstProblem(given: unknown, parse: (item: string) => unknown): string | undefined {
  const items: unknown = typeof given === "string" ? given.split(",") : given;
  if (!Array.isArray(items)) return undefined;
  return Array.from(items, (item) => problemOf(item, parse)).find((problem) => problem !== undefined);
}

function problemOf(item: unknown, parse: (item: string) => unknown): string | undefined {
  if (typeof item !== "string") return "an item is no text";
  try {
    parse(item.trim());
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Returns the items as `read` returns them, each once; undefined if one is not accepted or missing, as in
 * `[,]`, or if `given` is no array.
 */
function listOf(given: unknown, read: (item: string) => string | undefined): readonly string[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const items = Array.from(given, (item: unknown) =>
    typeof item === "string" ? read(item.trim()) : undefined,
  );
  return items.every((item) => item !== undefined) ? [...new Set(items)] : undefined;
}

function parseUrl(text: string, ...protocols: readonly string[]): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return protocols.includes(url.protocol) ? url : undefined;
}
