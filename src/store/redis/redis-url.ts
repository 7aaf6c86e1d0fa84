/** The address of a Redis server, and the user who connects to it. */
export interface RedisAddress {
  /** A host name or an IP address, an IPv6 one without brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether the connection is encrypted: the scheme is `rediss`. */
  readonly tls: boolean;
  /** User name; undefined for the default user. */
  readonly username: string | undefined;
  /** Password; undefined if the connection does not authenticate. */
  readonly password: string | undefined;
  /** Number of the database. */
  readonly database: number;
}

const DEFAULT_PORT = 6379;

/** Matches host names. An underscore is allowed, because names of containers may contain one. */
const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9._])?$/;

/**
 * Parses `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS. This is the only parser
 * of such URLs in the program. User and password are percent-decoded. Returns undefined for everything else:
 * a query string or a fragment (often a `?` or `#` of a password that should be percent-encoded), a socket's
 * path, a control character or a blank.
 */
export function redisAddress(text: string): RedisAddress | undefined {
  // URL silently removes blanks around the text, and tabs and line ends inside of it.
  if (/[\s\p{Cc}]/u.test(text) || /[?#]/.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, hostname, port, username, password, pathname } = new URL(text);
  if (protocol !== "redis:" && protocol !== "rediss:") return undefined;
  const host = hostOf(hostname);
  const number = port === "" ? DEFAULT_PORT : Number(port);
  const user = decoded(username);
  const secret = decoded(password);
  if (host === undefined || number === 0 || user === undefined || secret === undefined) return undefined;
  if (!/^(\/\d{0,9})?$/.test(pathname)) return undefined;
  return {
    host,
    port: number,
    tls: protocol === "rediss:",
    username: user === "" ? undefined : user,
    // A user without a password authenticates too: the server may have users that need none.
    password: user === "" && secret === "" ? undefined : secret,
    database: Number(pathname.slice(1)),
  };
}

function hostOf(hostname: string): string | undefined {
  if (hostname.startsWith("[")) return hostname.slice(1, -1);
  return HOST_NAME.test(hostname) ? hostname : undefined;
}

/** Decodes a percent-encoded text; returns undefined if it is malformed. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
