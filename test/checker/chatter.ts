import type { WebSocket } from "ws";
import { ChatClient } from "../../src/client/client.ts";
import {
  type ClientSocket,
  type Clock,
  MemoryTokenStore,
  type OpenSocket,
  type Random,
} from "../../src/client/ports.ts";
import { FaultProxy, type Route } from "../kit/servers/fault-proxy.ts";
import type { Findings } from "./findings.ts";
import { RoomView } from "./room-view.ts";
import type { Send } from "./send.ts";
import { nothingSeen, type Seen, WireWitness } from "./wire-witness.ts";
import { clientSocket, openWitnessed } from "./witnessed-socket.ts";

export interface ChatterOptions {
  readonly name: string;
  /** Which process each new connection leads to. */
  readonly route: Route;
  readonly random: Random;
  /** Returns a new token of the site; undefined = a guest. */
  readonly signIn: (() => Promise<string>) | undefined;
  readonly clock: Clock;
  readonly findings: Findings;
}

/** One user with the real client library, behind a proxy of their own. The same user on every connection. */
export class Chatter {
  readonly name: string;
  readonly proxy: FaultProxy;
  readonly client: ChatClient;
  readonly seen: Seen = nothingSeen();
  readonly #findings: Findings;
  readonly #views = new Map<string, RoomView>();
  /** What was sent in stays that are over. */
  readonly #earlier: Send[] = [];
  readonly #sockets = new Set<WebSocket>();
  readonly #tokens = new MemoryTokenStore();

  #siteToken: string | undefined;

  private constructor({ name, random, signIn, clock, findings }: ChatterOptions, proxy: FaultProxy) {
    this.name = name;
    this.proxy = proxy;
    this.#findings = findings;
    this.client = new ChatClient({
      url: `ws://127.0.0.1:${proxy.port}/ws`,
      handle: name,
      openSocket: this.#openSocket,
      tokens: this.#tokens,
      ...(signIn === undefined ? {} : { getToken: () => this.#signedIn(signIn) }),
      clock,
      random,
    });
    let known: string | undefined;
    this.client.on("self", ({ id }) => {
      if (known !== undefined && known !== id)
        findings.add("identity", `${name} was ${known} and became ${id}`);
      known = id;
    });
  }

  /** Connects; ends with `stop`. */
  static async start(options: ChatterOptions): Promise<Chatter> {
    const chatter = new Chatter(options, await FaultProxy.open(options.route));
    chatter.client.start();
    return chatter;
  }

  /** The token by which it is the same user; undefined before the first welcome. */
  readonly token = (): string | undefined => this.#siteToken ?? this.#tokens.load();

  get user(): string | undefined {
    return this.client.self?.id;
  }

  /** The rooms it is in. */
  get views(): ReadonlyMap<string, RoomView> {
    return this.#views;
  }

  /** Everything it ever sent. */
  get sends(): readonly Send[] {
    return [...this.#earlier, ...[...this.#views.values()].flatMap((view) => view.sends)];
  }

  get isQuiet(): boolean {
    return this.client.connection.name === "live" && [...this.#views.values()].every((view) => view.isQuiet);
  }

  enter(room: string): void {
    if (!this.#views.has(room)) this.#views.set(room, new RoomView(this.client.join(room)));
  }

  leave(room: string): void {
    const view = this.#views.get(room);
    if (view === undefined) return;
    this.#views.delete(room);
    this.#earlier.push(...view.left());
    this.client.leave(room);
  }

  say(room: string, text: string): void {
    this.#views.get(room)?.say(text);
  }

  /** Does not wait for the next attempt to connect, if it waits for one. */
  hurry(): void {
    if (this.client.connection.name === "waiting") this.client.retryNow();
  }

  async stop(): Promise<void> {
    this.client.stop();
    for (const socket of this.#sockets) socket.terminate();
    await this.proxy.close();
  }

  async #signedIn(signIn: () => Promise<string>): Promise<string> {
    this.#siteToken = await signIn();
    return this.#siteToken;
  }

  readonly #openSocket: OpenSocket = (url, subprotocol, listener): ClientSocket => {
    const witness = new WireWitness(this.name, this.seen, this.#findings);
    const socket = openWitnessed(url, subprotocol, listener, witness);
    this.#sockets.add(socket);
    socket.prependListener("close", () => this.#sockets.delete(socket));
    return clientSocket(socket);
  };
}
