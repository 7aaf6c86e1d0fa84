import type { DialectName } from "./generator/dialects.ts";

/** One of the programs that are compared. */
export interface System {
  /** As results and charts name it. */
  readonly name: string;
  readonly dialect: DialectName;
  /** What `node` runs, from the repository's root. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** Options of `node` itself. */
  readonly nodeOptions?: readonly string[];
}

/**
 * Settings for the load: no client is refused or slowed down, yet every limit is computed for every message.
 */
const DYNOCHAT = {
  NODE_ENV: "production",
  MESSAGES_PER_SECOND: "100000",
  MESSAGE_BURST: "100000",
  ADDRESS_MESSAGES_PER_SECOND: "1000000",
  ROOM_GUEST_MESSAGES_PER_SECOND: "1000000",
  NEW_ROOMS_PER_ADDRESS: "1000000",
  NEW_WRITERS_PER_ADDRESS: "1000000",
  ADDRESS_BYTES_PER_SECOND: "1000000000",
  MAX_CONNECTIONS: "1000000",
  MAX_CONNECTIONS_PER_ADDRESS: "1000000",
  CONNECTS_PER_SECOND_PER_ADDRESS: "1000000",
  REQUESTS_PER_SECOND: "100000",
  ADDRESS_REQUESTS_PER_SECOND: "1000000",
  MAX_TEXT_LENGTH: "2500",
  SHUTDOWN_SECONDS: "0",
  SECRET: "a secret of the benchmark that all know",
} as const;

export const TUTORIAL: System = {
  name: "tutorial",
  dialect: "tutorial",
  program: "dist/bench/tutorial.mjs",
  env: { NODE_ENV: "production" },
};

/** No one's choice: the floor under what a server that keeps promises can cost. */
const BARE: System = {
  ...TUTORIAL,
  name: "bare fan-out",
  program: "dist/bench/bare.mjs",
};

export const SOCKET_IO: System = {
  name: "socket.io, redis",
  dialect: "socket.io",
  program: "dist/bench/socket-io.mjs",
  env: { NODE_ENV: "production", ADAPTER: "redis" },
};

const SOCKET_IO_STREAMS: System = {
  ...SOCKET_IO,
  name: "socket.io, streams",
  env: { NODE_ENV: "production", ADAPTER: "streams" },
};

export const OURS: System = {
  name: "dynochat",
  dialect: "v1",
  program: "dist/main.js",
  nodeOptions: ["--max-semi-space-size=4"],
  env: DYNOCHAT,
};

const OURS_WITHOUT_WINDOW: System = {
  ...OURS,
  name: "dynochat, no window",
  env: { ...DYNOCHAT, BATCH_WINDOW_MS: "0" },
};

export const SYSTEMS: readonly System[] = [
  TUTORIAL,
  SOCKET_IO,
  SOCKET_IO_STREAMS,
  OURS,
  OURS_WITHOUT_WINDOW,
  BARE,
];
