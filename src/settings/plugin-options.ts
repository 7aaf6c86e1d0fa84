import type { FastifyRequest } from "fastify";
import type { Authorize } from "../chat/rights/authorizer.ts";
import type { Authenticate } from "../identity/authenticator.ts";
import type { MessageStore } from "../store/store.ts";
import { type Kind, line, trueOrFalse, wholeNumber } from "./kinds.ts";
import { checkOptions, type Settings, SettingsError, type Table } from "./settings.ts";
import { SETTINGS } from "./table.ts";

/** The settings of a process and its server, which belong to the app around the plugin. */
type ProcessSettings = "port" | "host" | "webConcurrency" | "logLevel" | "trustProxy";

/** The settings of the chat itself. */
type ChatSettings = Omit<Settings, ProcessSettings>;

/**
 * The options of the plugin: the program's settings (README, "Settings") by their names in camel case, and
 * some of its own. A missing or undefined option has its default. An option that is not accepted or not known
 * makes the registration fail.
 */
export interface DynochatOptions {
  /** False leaves `/` to the app, without a chat page and a socket there. Default: true. */
  readonly page?: boolean | undefined;
  /** Where messages are stored; closed with the app. Default: Redis if there is a `redisUrl`, else memory. */
  readonly store?: MessageStore | undefined;
  /** The name of this process in log lines, metrics and presence. Default: a random one. */
  readonly instance?: string | undefined;
  /** Processes that share the memory of this machine or container, this one included. Default: 1. */
  readonly processes?: number | undefined;
  /**
   * Returns what a user may do in rooms; called whenever a user enters a room or uses it over HTTP, at most
   * 32 times at once. A room that it does not name gets its right from the token and the settings. Default:
   * none.
   */
  readonly authorize?: Authorize | undefined;
  /**
   * Returns the user of the app's own session that a request or an upgrade belongs to, before tokens, keys
   * and cookies are looked at; undefined = it has none. The app's hooks that were registered before this
   * plugin have run. Called for each request and upgrade, at most 32 times at once; without an answer within
   * 2 s the request is rejected with 503. Default: none.
   */
  readonly authenticate?: Authenticate<FastifyRequest> | undefined;

  /**
   * URL of the Redis server, `redis://` or `rediss://`; without one, messages are kept in memory, in one
   * process. Default: none.
   */
  readonly redisUrl?: string | undefined;
  /** False accepts a self-signed certificate of a `rediss://` server. Default: true. */
  readonly redisTlsVerify?: boolean | undefined;
  /** Certificates (PEM) of the authority that signed the Redis server's certificate. Default: none. */
  readonly redisCa?: string | undefined;
  /** Prefix of every key and channel. Default: dynochat:. */
  readonly redisPrefix?: string | undefined;
  /** Replicas that must have a message before it is acknowledged. Default: 0. */
  readonly redisMinReplicas?: number | undefined;
  /** Room of plain clients that name none, and the page's first room. Default: lobby. */
  readonly defaultRoom?: string | undefined;
  /** Messages kept per room; up to 200 more may be. Default: 1000. */
  readonly historyMessages?: number | undefined;
  /** Days for which a room's messages are kept. Default: 30. */
  readonly historyDays?: number | undefined;
  /** Bytes of messages kept per room. Default: 1048576 (1 MiB). */
  readonly historyBytes?: number | undefined;
  /** Longest text of a message, in Unicode code points. Default: 2000. */
  readonly maxTextLength?: number | undefined;
  /** Messages per second, user and room, over all processes; 0 = no limit. Default: 5. */
  readonly messagesPerSecond?: number | undefined;
  /** Messages that may come at once before that limit counts; of a guest new to the room, 2. Default: 10. */
  readonly messageBurst?: number | undefined;
  /**
   * Messages per second of all guests of one address (IPv6: per /64 network) over all rooms; 0 = no limit.
   * Default: 60.
   */
  readonly addressMessagesPerSecond?: number | undefined;
  /**
   * Messages per second of all guests of one room, divided evenly among their addresses; 0 = no limit.
   * Default: 100.
   */
  readonly roomGuestMessagesPerSecond?: number | undefined;
  /**
   * New rooms per hour that guests of one address may make, five times as many at once; 0 = no limit.
   * Default: 100.
   */
  readonly newRoomsPerAddress?: number | undefined;
  /**
   * Guests of one address who may begin to write in a room, per minute, five times as many at once; 0 = no
   * limit. Default: 300.
   */
  readonly newWritersPerAddress?: number | undefined;
  /**
   * Bytes of messages per second from guests of one address, 60 times as many at once; 0 = no limit. Default:
   * 32768.
   */
  readonly addressBytesPerSecond?: number | undefined;
  /**
   * New rooms per hour that one user of the site may make, twice as many at once; 0 = no limit. Default: 50.
   */
  readonly newRoomsPerUser?: number | undefined;
  /**
   * Bytes of messages per second from one user of the site, 60 times as many at once; 0 = no limit. Default:
   * 8192.
   */
  readonly userBytesPerSecond?: number | undefined;
  /**
   * How many times as much as one user of the site one program may do: messages over all rooms, new rooms,
   * bytes, connections, open rooms, requests. Default: 20.
   */
  readonly programFactor?: number | undefined;
  /** Sockets and event streams per process; 0 = no limit. Default: 10000. */
  readonly maxConnections?: number | undefined;
  /**
   * Sockets and event streams per process and address (IPv6: per /64 network); 0 = no limit. Default: 1000.
   */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Sockets and event streams per process of one user of the site; 0 = no limit. Default: 100. */
  readonly maxConnectionsPerUser?: number | undefined;
  /**
   * Sockets and event streams opened per second and process from one address, ten times as many at once; 0 =
   * no limit. Default: 50.
   */
  readonly connectsPerSecondPerAddress?: number | undefined;
  /** Rooms per socket or event stream. Default: 50. */
  readonly maxRoomsPerConnection?: number | undefined;
  /** Rooms per process that connections of one address may have open; 0 = no limit. Default: 10000. */
  readonly maxRoomsPerAddress?: number | undefined;
  /** Rooms per process that connections of one user of the site may have open; 0 = no limit. Default: 500. */
  readonly maxRoomsPerUser?: number | undefined;
  /**
   * Requests per second of one socket; a ping counts as 1/20, a message as 1/10; 0 = no limit. Default: 50.
   */
  readonly requestsPerSecond?: number | undefined;
  /**
   * The same for all sockets and requests below `/api` of one address, or of one user of the site, in this
   * process; 0 = no limit. Default: 500.
   */
  readonly addressRequestsPerSecond?: number | undefined;
  /**
   * Origins of other pages that may connect, also `https://*.example.com`; `*` = any. Default: only the
   * chat's own page.
   */
  readonly allowedOrigins?: "*" | readonly string[] | undefined;
  /**
   * Host names that requests to the chat may be for, also `*.example.com`; any other gets 421. Default: any.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Seconds between pings; a socket that misses two is closed. Default: 15. */
  readonly pingSeconds?: number | undefined;
  /** One line that is sent to each client that enters. Default: none. */
  readonly greeting?: string | undefined;
  /**
   * Signs the tokens and cookies of guests, 32 bytes or more; of several the first signs and all verify.
   * Default: drawn once and shared through Redis.
   */
  readonly secret?: string | readonly string[] | undefined;
  /**
   * Verifies the tokens of a site that embeds the chat (HS256, HS384, HS512), 32 bytes or more, also several.
   * Default: none.
   */
  readonly tokenSecret?: string | readonly string[] | undefined;
  /** URL of the public keys (JWKS) that verify such tokens; set `tokenAudience` too. Default: none. */
  readonly tokenJwksUrl?: string | undefined;
  /** What the claim `iss` of such tokens must be; without it, `iss` is not checked. Default: none. */
  readonly tokenIssuer?: string | undefined;
  /** What the claim `aud` of such tokens must contain; without it, `aud` is not checked. Default: none. */
  readonly tokenAudience?: string | undefined;
  /**
   * True refuses guests, as `guests: "none"` does; needs `tokenSecret`, `tokenJwksUrl` or `authenticate`.
   * Default: false.
   */
  readonly tokenRequired?: boolean | undefined;
  /**
   * Path of the site, such as `/chat-token`, where the chat page asks for the token of its user; needs
   * `tokenSecret` or `tokenJwksUrl`. Default: none.
   */
  readonly tokenUrl?: string | undefined;
  /**
   * What guests may do in rooms that are not private; `none` needs `tokenSecret`, `tokenJwksUrl` or
   * `authenticate`. Default: write.
   */
  readonly guests?: "write" | "read" | "none" | undefined;
  /**
   * Rooms that only users may enter whose token or key names them; also `team-*`, and `*` for all. Default:
   * none.
   */
  readonly privateRooms?: readonly string[] | undefined;
  /**
   * Bearer keys of programs: a key alone, of 16 characters or more, may write everywhere, and see `/status`;
   * `name:key:write@support-*+operate` is a program with a name and rights of its own. Default: none.
   */
  readonly apiKeys?: readonly string[] | undefined;
  /** Who may read `/metrics`: every client, only holders of one of `apiKeys`, or none. Default: open. */
  readonly metrics?: "open" | "key" | "off" | undefined;
  /**
   * New connections are refused while the event loop was later than this on average for two seconds; 0 =
   * never. Default: 300.
   */
  readonly maxLoopDelayMs?: number | undefined;
  /**
   * Milliseconds for which a busy room collects messages for one write; 0 = one write per message. Default:
   * 5.
   */
  readonly batchWindowMs?: number | undefined;
  /** Seconds within which `app.close()` moves all connections away. Default: 20. */
  readonly shutdownSeconds?: number | undefined;
}

/** All options, checked and with their defaults. */
export interface CheckedOptions extends ChatSettings {
  readonly page: boolean;
  readonly store: MessageStore | undefined;
  readonly instance: string | undefined;
  readonly processes: number;
  readonly authorize: Authorize | undefined;
  readonly authenticate: Authenticate<FastifyRequest> | undefined;
}

const { port, host, webConcurrency, logLevel, trustProxy, ...CHAT_SETTINGS } = SETTINGS;

const PROCESS_FIELDS = Object.keys({ port, host, webConcurrency, logLevel, trustProxy });

const messageStore: Kind<MessageStore> = {
  accepts: "an object with the methods of the interface MessageStore",
  read: () => undefined,
  check: (option) => (isStore(option) ? option : undefined),
};

const authorizeHook: Kind<Authorize> = {
  accepts: "a function that returns the rights of a user by room",
  read: () => undefined,
  check: (option) => (isFunction<Authorize>(option) ? option : undefined),
};

const authenticateHook: Kind<Authenticate<FastifyRequest>> = {
  accepts: "a function that returns the user of a request, or undefined",
  read: () => undefined,
  check: (option) => (isFunction<Authenticate<FastifyRequest>>(option) ? option : undefined),
};

/** Makes an option without an environment variable. */
function own<T>(name: string, kind: Kind<T>, standard: T) {
  return { names: [name], kind, default: standard, meaning: "" } as const;
}

const TABLE: Table<CheckedOptions> = {
  ...CHAT_SETTINGS,
  page: own("page", trueOrFalse, true),
  store: own<MessageStore | undefined>("store", messageStore, undefined),
  instance: own<string | undefined>("instance", line(100), undefined),
  processes: own("processes", wholeNumber(1, 64), 1),
  authorize: own<Authorize | undefined>("authorize", authorizeHook, undefined),
  authenticate: own<Authenticate<FastifyRequest> | undefined>("authenticate", authenticateHook, undefined),
};

/** Returns the plugin's options with their defaults. Throws SettingsError, as `checkOptions` does. */
export function checkPluginOptions(options: DynochatOptions): CheckedOptions {
  const name = Object.keys(options).find((field) => PROCESS_FIELDS.includes(field));
  if (name !== undefined) throw new SettingsError(`${name} is for the app around the plugin to decide`);
  return checkOptions(TABLE, options);
}

/**
 * Returns the options that make the plugin of a program with these settings, without what belongs to its
 * process.
 */
export function pluginOptions(settings: Settings): ChatSettings {
  const {
    port: _port,
    host: _host,
    webConcurrency: _concurrency,
    logLevel: _level,
    trustProxy: _proxy,
    ...chat
  } = settings;
  return chat;
}

function isFunction<F extends Authorize | Authenticate<FastifyRequest>>(value: unknown): value is F {
  return typeof value === "function";
}

function isStore(value: unknown): value is MessageStore {
  if (typeof value !== "object" || value === null) return false;
  return "append" in value && typeof value.append === "function" && "start" in value && "status" in value;
}
