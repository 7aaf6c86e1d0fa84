import { isIPv4 } from "node:net";

/** The origin of a page (RFC 6454), in canonical form. */
export interface Origin {
  /** In lower case, without the colon. */
  readonly scheme: string;
  /** In lower case and Punycode, without a trailing dot; an IPv6 address in brackets. */
  readonly host: string;
  /** Empty for the default port of the scheme. */
  readonly port: string;
}

/** The origins that an item of ALLOWED_ORIGINS matches. */
export interface OriginPattern extends Origin {
  /** Whether it matches the subdomains of `host`, at any depth, but not `host` itself. */
  readonly isWildcard: boolean;
}

/** Schemes that no origin has: their documents have the origin of the page around them, or none. */
const SCHEMES_WITHOUT_ORIGIN: ReadonlySet<string> = new Set([
  ...["about", "blob", "data", "file", "filesystem", "ftp", "javascript", "view-source", "ws", "wss"],
]);

/** Returns the origin in an Origin header; undefined for `null` and for texts that no browser sends. */
export function parseOrigin(text: string): Origin | undefined {
  if (!/^[a-z][a-z\d+.-]*:\/\/[^\s/?#@\\]+$/i.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, hostname, port } = new URL(text);
  const host = hostname.toLowerCase().replace(/\.$/, "");
  return host === "" ? undefined : { scheme: protocol.slice(0, -1), host, port };
}

/**
 * Parses an item of ALLOWED_ORIGINS. Throws a RangeError, whose message says why, for an item that no Origin
 * header can match.
 */
export function parseOriginPattern(item: string): OriginPattern {
  if (item === "") throw new RangeError("an item is empty");
  if (item === "*") throw new RangeError("* stands alone, not in a list");
  if (item === "null") throw new RangeError("null is the origin of sandboxed pages of every site");
  const [, scheme = "", wildcard, host = ""] = /^([a-z][a-z\d+.-]*):\/\/(\*\.)?(.*?)\/?$/i.exec(item) ?? [];
  if (scheme === "") throw new RangeError(`${item} has no scheme such as https://`);
  if (SCHEMES_WITHOUT_ORIGIN.has(scheme.toLowerCase())) {
    throw new RangeError(`no page has the scheme of ${item}; that of most pages is https://`);
  }
  if (host.includes("*")) {
    throw new RangeError(`in ${item} the * is not the left-most label, as in https://*.example.com`);
  }
  if (/[\s/?#@\\]/.test(host)) {
    throw new RangeError(`${item} has more than a scheme, a host and a port, which an Origin header has not`);
  }
  const origin = parseOrigin(`${scheme}://${host}`);
  if (origin === undefined || origin.host.split(".").includes("")) {
    throw new RangeError(`${item} has no valid host or port`);
  }
  if (wildcard !== undefined) checkSubdomains(origin.host, item);
  return { ...origin, isWildcard: wildcard !== undefined };
}

function checkSubdomains(host: string, item: string): void {
  if (isIPv4(host) || host.startsWith("[")) throw new RangeError(`${item}: an address has no subdomains`);
  if (!host.includes(".") && host !== "localhost") {
    throw new RangeError(`${item} stands for the sites of everybody below .${host}`);
  }
}

/** Returns the canonical text of a pattern. */
export function formatOriginPattern({ scheme, host, port, isWildcard }: OriginPattern): string {
  return `${scheme}://${isWildcard ? "*." : ""}${host}${port === "" ? "" : `:${port}`}`;
}

/** Returns whether a pattern matches an origin. */
export function matchesOrigin(pattern: OriginPattern, { scheme, host, port }: Origin): boolean {
  if (scheme !== pattern.scheme || port !== pattern.port) return false;
  return pattern.isWildcard ? host.endsWith(`.${pattern.host}`) : host === pattern.host;
}

/** The host names that an item of ALLOWED_HOSTS matches. */
export type HostPattern = Pick<OriginPattern, "host" | "isWildcard">;

/**
 * Returns the host in a Host header, in canonical form and without its port; undefined for an invalid text.
 */
export function parseHost(text: string): string | undefined {
  return parseOrigin(`http://${text}`)?.host;
}

/**
 * Parses an item of ALLOWED_HOSTS. Throws a RangeError, whose message says why, for an item that no host can
 * match.
 */
export function parseHostPattern(item: string): HostPattern {
  if (item.includes("://")) throw new RangeError(`${item} has a scheme, which a host name has not`);
  if (/:\d*$/.test(item)) throw new RangeError(`${item} has a port; a host is allowed with every port`);
  if (item.includes("/")) throw new RangeError(`${item} is no host name`);
  const { host, isWildcard } = parseOriginPattern(`http://${item}`);
  return { host, isWildcard };
}

/** Returns the canonical text of a pattern. */
export function formatHostPattern({ host, isWildcard }: HostPattern): string {
  return isWildcard ? `*.${host}` : host;
}

/** Returns whether a pattern matches a host in canonical form. */
export function matchesHost({ host, isWildcard }: HostPattern, name: string): boolean {
  return isWildcard ? name.endsWith(`.${host}`) : name === host;
}
