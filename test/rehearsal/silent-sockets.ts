import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { SUBPROTOCOL } from "../../src/protocol/frames.ts";
import { App } from "../kit/platform/app.ts";
import { RedisAddon } from "../kit/platform/redis-addon.ts";
import type { RouterTimes } from "../kit/platform/router.ts";
import type { Slug } from "../kit/platform/slug.ts";
import { within } from "../kit/vitest/wait-for.ts";

/** Every kind of socket that the program has: its path and its subprotocol. */
const KINDS: readonly (readonly [path: string, subprotocol: string | undefined])[] = [
  ["/ws", SUBPROTOCOL],
  ["/ws", undefined],
  ["/websocket", undefined],
  ["/", undefined],
];

/** For a socket to open, ms. */
const OPEN_MS = 15_000;

export interface SilentOptions {
  readonly slug: Slug;
  /** Sockets of each kind. */
  readonly each: number;
  readonly config: Readonly<Record<string, string>>;
  readonly routerTimes?: Partial<RouterTimes>;
  /** How long they stay silent, ms. */
  readonly silentMs: number;
  /** Ends the silence earlier. */
  readonly signal?: AbortSignal;
}

export interface SilentOutcome {
  readonly sockets: number;
  /** What ended some of them, by socket; empty = all lived. */
  readonly ended: readonly string[];
}

/**
 * Opens sockets that say what a new client must and nothing after that, through a router that cuts what is
 * silent, to an app of their own; tells which of them did not live.
 */
export async function keepSilent(options: SilentOptions): Promise<SilentOutcome> {
  const { slug, each, config, routerTimes, silentMs, signal } = options;
  const redis = await RedisAddon.provision();
  const app = await App.create(routerTimes === undefined ? {} : { routerTimes });
  const sockets: WebSocket[] = [];
  try {
    await app.setConfig({ REDIS_URL: redis.url, REDIS_TLS_VERIFY: "false", ...config });
    await app.deploy(slug);
    // Before that the server could answer no hello, and closes a client without one.
    await Promise.all(app.dynos.map(({ server }) => server.ready()));
    const ended: string[] = [];
    for (const [path, subprotocol] of KINDS) {
      for (let n = 1; n <= each; n += 1) {
        const socket = new WebSocket(`${app.router.wsUrl}${path}`, subprotocol ?? []);
        sockets.push(socket);
        await within(opened(socket), `${path} opens`, OPEN_MS);
        if (subprotocol !== undefined) greet(socket);
        socket.on("close", (code, reason) =>
          ended.push(`${path} ${subprotocol ?? "plain"} ${n}: ${code} ${reason}`),
        );
      }
    }
    await sleep(silentMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    return { sockets: sockets.length, ended: [...ended] };
  } finally {
    for (const socket of sockets) socket.terminate();
    await app.destroy();
    await redis.destroy();
  }
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
    // What fails later is told by close.
    socket.on("error", () => undefined);
  });
}

/** The two frames without which a socket of v1 would be closed for another reason. */
function greet(socket: WebSocket): void {
  socket.send(JSON.stringify({ type: "hello", ref: 1 }));
  socket.send(JSON.stringify({ type: "join", ref: 2, room: "silence" }));
}
