import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { isRoom } from "../protocol.ts";
import { redisAddress } from "../redis-url.ts";

/** What a variable's text may be, and the value it stands for. */
export interface Kind<T> {
  /** What is accepted, as the end of the sentence "it must be …". */
  readonly accepts: string;
  /** The value, or undefined for a text that is not accepted. Never throws. */
  read(text: string): T | undefined;
}

export function wholeNumber(least: number, most: number): Kind<number> {
  return {
    accepts: `a whole number from ${least} to ${most}`,
    read(text) {
      if (!/^\d{1,15}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= least && value <= most ? value : undefined;
    },
  };
}

export const trueOrFalse: Kind<boolean> = {
  accepts: "true or false",
  read: (text) => (text === "true" ? true : text === "false" ? false : undefined),
};

export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    accepts: `one of ${words.join(", ")}`,
    read: (text) => words.find((word) => word === text),
  };
}

/** One line for people to read; `most` in code points. */
export function line(most: number): Kind<string> {
  return {
    accepts: `one line of at most ${most} characters`,
    read: (text) => (/\p{Cc}/u.test(text) || [...text].length > most ? undefined : text),
  };
}

export const roomName: Kind<string> = {
  accepts: "a room name: up to 64 of A-Z a-z 0-9 . _ -, a letter or digit first",
  read: (text) => (isRoom(text) ? text : undefined),
};

/** An address or a name to listen on. */
export const listenAddress: Kind<string> = {
  accepts: "an IP address or a host name",
  read: (text) =>
    isIP(text) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text) ? text : undefined,
};

export const redisUrl: Kind<string> = {
  accepts:
    "a URL such as redis://host:6379 or rediss://user:password@host:6379/0, special characters of the password percent-encoded",
  read: (text) => (redisAddress(text) === undefined ? undefined : text),
};

export const httpsUrl: Kind<string> = {
  accepts: "a URL that begins https://, or http://localhost",
  read(text) {
    const url = parseUrl(text, "https:", "http:");
    return url !== undefined && (url.protocol === "https:" || url.hostname === "localhost")
      ? text
      : undefined;
  },
};

/** Braces would move the hash tag of a cluster's keys; spaces and control characters spoil every tool. */
export const keyPrefix: Kind<string> = {
  accepts: "1 to 64 visible ASCII characters without { and }",
  read: (text) => (/^[\x21-\x7a|~]{1,64}$/.test(text) ? text : undefined),
};

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** One or more certificates. A literal `\n` stands for a line end: that is how one line holds a PEM text. */
export const certificate: Kind<string> = {
  accepts: "certificates in PEM form, each beginning -----BEGIN CERTIFICATE-----",
  read(text) {
    const pem = text.replaceAll(/(\\r)?\\n/g, "\n");
    const certificates = pem.match(PEM_CERTIFICATE) ?? [];
    const begun = pem.split("-----BEGIN CERTIFICATE-----").length - 1;
    // TLS reads all of them and takes no offence at one that it cannot read.
    const isWhole = certificates.length > 0 && certificates.length === begun;
    return isWhole && certificates.every(isCertificate) ? pem : undefined;
  },
};

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** The key of an HMAC with SHA-256 has at least the size of the hash (RFC 7518 section 3.2). */
export const signingSecret: Kind<string> = {
  accepts: "at least 32 bytes",
  read: (text) => (Buffer.byteLength(text) >= 32 ? text : undefined),
};

export const bearerKeys: Kind<readonly string[]> = {
  accepts: "a comma-separated list of keys, each at least 16 of A-Z a-z 0-9 . _ ~ + / = -",
  read: (text) => listOf(text, (item) => (/^[A-Za-z0-9._~+/=-]{16,}$/.test(item) ? item : undefined)),
};

/** `*`, or origins as browsers send them: scheme, host and port in lower case, no path. */
export const origins: Kind<"*" | readonly string[]> = {
  accepts: "* or a comma-separated list of origins such as https://example.com",
  read: (text) => (text === "*" ? text : listOf(text, originOf)),
};

function originOf(text: string): string | undefined {
  const url = parseUrl(text, "https:", "http:");
  // A path or a password would promise a check that a browser's Origin header cannot carry.
  return url !== undefined && url.href === `${url.origin}/` ? url.origin : undefined;
}

function listOf(text: string, read: (item: string) => string | undefined): readonly string[] | undefined {
  const items = text.split(",").map((item) => read(item.trim()));
  return items.every((item) => item !== undefined) ? [...new Set(items)] : undefined;
}

function parseUrl(text: string, ...protocols: readonly string[]): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return protocols.includes(url.protocol) ? url : undefined;
}
