import {
  certificate,
  hosts,
  httpsUrl,
  type Kind,
  keyPrefix,
  line,
  listenAddress,
  oneOf,
  originPath,
  origins,
  programKeys,
  redisUrl,
  roomName,
  roomPatterns,
  signingSecrets,
  trueOrFalse,
  wholeNumber,
} from "./kinds.ts";

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One setting: its variables, its accepted values, and its documentation. */
export interface Setting<T> {
  /** The variables from which it is read; the first that is set counts. */
  readonly names: readonly [string, ...string[]];
  readonly kind: Kind<T>;
  readonly default: T;
  /** Returns the default, if that depends on the environment. */
  readonly defaultIn?: (env: Environment) => T;
  /** The default as the documents show it, if its value would not be clear. */
  readonly defaultWords?: string;
  readonly meaning: string;
  /** True if its value must never appear in a log line or an error. */
  readonly secret?: true;
}

/** Infers the value's type from the kind and the default. */
function setting<T>(definition: Setting<T>): Setting<T> {
  return definition;
}

/** Most code points of a text in LIMITS.frameBytes: 12 escaped bytes each, besides names and keys. */
const LONGEST_TEXT = 2_500;

const MIB = 1024 * 1024;

/** All settings, in the order of the README. */
export const SETTINGS = {
  port: setting({
    names: ["PORT"],
    kind: wholeNumber(0, 65_535),
    default: 3000,
    meaning: "Port to listen on; 0 = any free port",
  }),
  host: setting({
    names: ["HOST"],
    kind: listenAddress,
    default: undefined,
    defaultWords: "`::`",
    meaning: "The address to listen on; `::` takes IPv4 too, and is `0.0.0.0` where there is no IPv6",
  }),
  redisUrl: setting({
    names: ["REDIS_URL", "REDISCLOUD_URL", "REDIS_TLS_URL"],
    kind: redisUrl,
    default: undefined,
    secret: true,
    meaning:
      "`redis://` or `rediss://`; if unset, messages are kept in memory, in one process, until it exits",
  }),
  redisTlsVerify: setting({
    names: ["REDIS_TLS_VERIFY"],
    kind: trueOrFalse,
    default: true,
    meaning: "`false` accepts a self-signed certificate of a `rediss://` server, such as the add-on's",
  }),
  redisCa: setting({
    names: ["REDIS_CA"],
    kind: certificate,
    default: undefined,
    meaning: "Certificate authority (PEM, line ends may be `\\n`) of the Redis server; better than no check",
  }),
  redisPrefix: setting({
    names: ["REDIS_PREFIX"],
    kind: keyPrefix,
    default: "dynochat:",
    meaning: "Prefix of every key and channel",
  }),
  redisMinReplicas: setting({
    names: ["REDIS_MIN_REPLICAS"],
    kind: wholeNumber(0, 10),
    default: 0,
    meaning: "Replicas that must have a message before it is acknowledged",
  }),
  defaultRoom: setting({
    names: ["DEFAULT_ROOM"],
    kind: roomName,
    default: "lobby",
    meaning: "Room of plain clients that name none, and of the page's first visit",
  }),
  historyMessages: setting({
    names: ["HISTORY_MESSAGES"],
    kind: wholeNumber(1, 1_000_000),
    default: 1000,
    meaning: "Messages kept per room; up to 200 more may remain",
  }),
  historyDays: setting({
    names: ["HISTORY_DAYS"],
    kind: wholeNumber(1, 36_500),
    default: 30,
    meaning: "Days for which a room's messages are kept",
  }),
  historyBytes: setting({
    names: ["HISTORY_BYTES"],
    kind: wholeNumber(64 * 1024, 1024 * MIB),
    default: MIB,
    defaultWords: "1048576 (1 MiB)",
    meaning: "Bytes of messages kept per room",
  }),
  maxTextLength: setting({
    names: ["MAX_TEXT_LENGTH"],
    kind: wholeNumber(1, LONGEST_TEXT),
    default: 2000,
    meaning: "Longest message, in Unicode code points",
  }),
  messagesPerSecond: setting({
    names: ["MESSAGES_PER_SECOND"],
    kind: wholeNumber(0, 100_000),
    default: 5,
    meaning: "Messages per second of one user in one room, over all processes; 0 = no limit",
  }),
  messageBurst: setting({
    names: ["MESSAGE_BURST"],
    kind: wholeNumber(1, 100_000),
    default: 10,
    meaning: "Messages that may come at once before that limit applies; 2 for a guest who is new to the room",
  }),
  addressMessagesPerSecond: setting({
    names: ["ADDRESS_MESSAGES_PER_SECOND"],
    kind: wholeNumber(0, 1_000_000),
    default: 60,
    meaning:
      "Messages per second of all guests of one address (IPv6: one /64 network), over all rooms and processes; 0 = no limit",
  }),
  roomGuestMessagesPerSecond: setting({
    names: ["ROOM_GUEST_MESSAGES_PER_SECOND"],
    kind: wholeNumber(0, 1_000_000),
    default: 100,
    meaning:
      "Messages per second of all guests of one room, over all processes, divided evenly among their addresses; 0 = no limit",
  }),
  newRoomsPerAddress: setting({
    names: ["NEW_ROOMS_PER_ADDRESS"],
    kind: wholeNumber(0, 1_000_000),
    default: 100,
    meaning:
      "New rooms per hour and process that guests of one address may make, five times as many at once; 0 = no limit",
  }),
  newWritersPerAddress: setting({
    names: ["NEW_WRITERS_PER_ADDRESS"],
    kind: wholeNumber(0, 1_000_000),
    default: 300,
    meaning:
      "Guests of one address who may begin to write in a room, per minute and process, five times as many at once; 0 = no limit",
  }),
  addressBytesPerSecond: setting({
    names: ["ADDRESS_BYTES_PER_SECOND"],
    kind: wholeNumber(0, 1024 * MIB),
    default: 32_768,
    meaning:
      "Bytes of messages per second and process from guests of one address, 60 times as many at once; 0 = no limit",
  }),
  newRoomsPerUser: setting({
    names: ["NEW_ROOMS_PER_USER"],
    kind: wholeNumber(0, 1_000_000),
    default: 50,
    meaning: "New rooms per hour and process of one user of the site, twice as many at once; 0 = no limit",
  }),
  userBytesPerSecond: setting({
    names: ["USER_BYTES_PER_SECOND"],
    kind: wholeNumber(0, 1024 * MIB),
    default: 8_192,
    meaning:
      "Bytes of messages per second and process from one user of the site, 60 times as many at once; 0 = no limit",
  }),
  programFactor: setting({
    names: ["PROGRAM_FACTOR"],
    kind: wholeNumber(1, 10_000),
    default: 20,
    meaning:
      "How many times as much as one user of the site one program may do: messages over all rooms, new rooms, bytes, connections, open rooms, requests",
  }),
  maxConnections: setting({
    names: ["MAX_CONNECTIONS"],
    kind: wholeNumber(0, 1_000_000),
    default: 10_000,
    meaning: "Sockets and event streams a process; 0 = no limit",
  }),
  maxConnectionsPerAddress: setting({
    names: ["MAX_CONNECTIONS_PER_ADDRESS"],
    kind: wholeNumber(0, 1_000_000),
    default: 1_000,
    meaning: "Sockets and event streams per process from one address (IPv6: one /64 network); 0 = no limit",
  }),
  maxConnectionsPerUser: setting({
    names: ["MAX_CONNECTIONS_PER_USER"],
    kind: wholeNumber(0, 1_000_000),
    default: 100,
    meaning: "Sockets and event streams per process of one user of the site; 0 = no limit",
  }),
  connectsPerSecondPerAddress: setting({
    names: ["CONNECTS_PER_SECOND_PER_ADDRESS"],
    kind: wholeNumber(0, 1_000_000),
    default: 50,
    meaning:
      "Sockets and event streams opened per second and process from one address, ten times as many at once; 0 = no limit",
  }),
  maxRoomsPerConnection: setting({
    names: ["MAX_ROOMS_PER_CONNECTION"],
    kind: wholeNumber(1, 10_000),
    default: 50,
    meaning: "Rooms that one socket may be in at a time",
  }),
  maxRoomsPerAddress: setting({
    names: ["MAX_ROOMS_PER_ADDRESS"],
    kind: wholeNumber(0, 1_000_000),
    default: 10_000,
    meaning: "Rooms per process that connections of one address may have open; 0 = no limit",
  }),
  maxRoomsPerUser: setting({
    names: ["MAX_ROOMS_PER_USER"],
    kind: wholeNumber(0, 1_000_000),
    default: 500,
    meaning: "Rooms per process that connections of one user of the site may have open; 0 = no limit",
  }),
  requestsPerSecond: setting({
    names: ["REQUESTS_PER_SECOND"],
    kind: wholeNumber(0, 100_000),
    default: 50,
    meaning:
      "Requests per second of one socket, beyond which it is read more slowly; a ping counts as 1/20, a message as 1/10; 0 = no limit",
  }),
  addressRequestsPerSecond: setting({
    names: ["ADDRESS_REQUESTS_PER_SECOND"],
    kind: wholeNumber(0, 1_000_000),
    default: 500,
    meaning:
      "The same per process for all sockets and requests below `/api` of one address, or of one user of the site; 0 = no limit",
  }),
  allowedOrigins: setting({
    names: ["ALLOWED_ORIGINS"],
    kind: origins,
    default: undefined,
    defaultWords: "only the chat's own page",
    meaning:
      "Origins of other pages that may connect, comma-separated; also `https://*.example.com`; `*` = any",
  }),
  allowedHosts: setting({
    names: ["ALLOWED_HOSTS"],
    kind: hosts,
    default: undefined,
    defaultWords: "any",
    meaning:
      "Host names that requests may be for, comma-separated, also `*.example.com`; any other gets 421, but not at `/livez` and `/readyz`",
  }),
  pingSeconds: setting({
    names: ["PING_SECONDS"],
    kind: wholeNumber(1, 50),
    default: 15,
    meaning: "Seconds between pings; a socket that misses two is closed",
  }),
  greeting: setting({
    names: ["GREETING"],
    kind: line(500),
    default: undefined,
    meaning: "A line that is sent to every new client",
  }),
  secret: setting({
    names: ["SECRET"],
    kind: signingSecrets,
    default: undefined,
    defaultWords: "drawn once and shared through Redis",
    secret: true,
    meaning:
      "Signs the tokens and cookies of guests, 32 bytes or more; of several, comma-separated, the first signs and all verify",
  }),
  tokenSecret: setting({
    names: ["TOKEN_SECRET"],
    kind: signingSecrets,
    default: undefined,
    secret: true,
    meaning:
      "Verifies the tokens of a site that embeds the chat (HS256, HS384, HS512); several, comma-separated",
  }),
  tokenJwksUrl: setting({
    names: ["TOKEN_JWKS_URL"],
    kind: httpsUrl,
    default: undefined,
    secret: true,
    meaning: "URL of the public keys (JWKS) that verify such tokens; set `TOKEN_AUDIENCE` too",
  }),
  tokenIssuer: setting({
    names: ["TOKEN_ISSUER"],
    kind: line(500),
    default: undefined,
    meaning: "What the claim `iss` of such tokens must be; if unset, it is not checked",
  }),
  tokenAudience: setting({
    names: ["TOKEN_AUDIENCE"],
    kind: line(500),
    default: undefined,
    meaning: "What the claim `aud` of such tokens must be or contain; if unset, it is not checked",
  }),
  tokenRequired: setting({
    names: ["TOKEN_REQUIRED"],
    kind: trueOrFalse,
    default: false,
    meaning: "`true` refuses guests, as `GUESTS=none` does; needs `TOKEN_SECRET` or `TOKEN_JWKS_URL`",
  }),
  tokenUrl: setting({
    names: ["TOKEN_URL"],
    kind: originPath,
    default: undefined,
    meaning:
      "Path of the site, such as `/chat-token`, where the chat page asks for the token of its user; needs `TOKEN_SECRET` or `TOKEN_JWKS_URL`",
  }),
  guests: setting<"write" | "read" | "none">({
    names: ["GUESTS"],
    kind: oneOf("write", "read", "none"),
    default: "write",
    meaning:
      "What guests may do in rooms that are not private; `none` needs `TOKEN_SECRET` or `TOKEN_JWKS_URL`",
  }),
  privateRooms: setting<readonly string[]>({
    names: ["PRIVATE_ROOMS"],
    kind: roomPatterns,
    default: [],
    defaultWords: "none",
    meaning:
      "Rooms that only users may enter whose token or key names them, comma-separated; also `team-*`, and `*` for all",
  }),
  apiKeys: setting({
    names: ["API_KEYS"],
    kind: programKeys,
    default: undefined,
    secret: true,
    meaning:
      "Bearer keys of programs, comma-separated: a key alone may write everywhere, and see `/status`; `name:key:write@support-*+operate` is a program with a name and rights of its own",
  }),
  webConcurrency: setting({
    names: ["WEB_CONCURRENCY"],
    kind: wholeNumber(1, 64),
    default: 1,
    meaning: "Worker processes that share the port; without Redis always one",
  }),
  metrics: setting<"open" | "key" | "off">({
    names: ["METRICS"],
    kind: oneOf("open", "key", "off"),
    default: "open",
    meaning: "Who may read `/metrics`: every client, only holders of one of `API_KEYS`, or none",
  }),
  maxLoopDelayMs: setting({
    names: ["MAX_LOOP_DELAY_MS"],
    kind: wholeNumber(0, 60_000),
    default: 300,
    meaning:
      "New connections are refused while the event loop was later than this on average for two seconds; 0 = never",
  }),
  batchWindowMs: setting({
    names: ["BATCH_WINDOW_MS"],
    kind: wholeNumber(0, 100),
    default: 5,
    meaning: "Milliseconds for which a busy room collects messages for one write; 0 = one write per message",
  }),
  shutdownSeconds: setting({
    names: ["SHUTDOWN_SECONDS"],
    kind: wholeNumber(0, 25),
    default: 20,
    meaning: "Seconds within which all connections are moved away after SIGTERM",
  }),
  logLevel: setting({
    names: ["LOG_LEVEL"],
    kind: oneOf("fatal", "error", "warn", "info", "debug", "trace", "silent"),
    default: "info",
    meaning: "Least severe level that is logged",
  }),
  trustProxy: setting({
    names: ["TRUST_PROXY"],
    kind: trueOrFalse,
    default: false,
    defaultIn: (env) => (env["DYNO"]?.trim() ?? "") !== "",
    defaultWords: "`true` where `DYNO` is set",
    meaning:
      "Trust the proxy in front of this process: the right-most `X-Forwarded-For`, `-Proto` and `-Host`",
  }),
};
