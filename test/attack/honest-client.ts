import type { WebSocket } from "ws";
import { ChatClient } from "../../src/client/client.ts";
import type { ClientSocket, OpenSocket, Random } from "../../src/client/ports.ts";
import { Findings } from "../checker/findings.ts";
import { RoomView } from "../checker/room-view.ts";
import { nothingSeen, type Seen, WireWitness } from "../checker/wire-witness.ts";
import { clientSocket, openWitnessed } from "../checker/witnessed-socket.ts";

export interface HonestOptions {
  readonly name: string;
  /** `ws://…` of one process. */
  readonly wsUrl: string;
  readonly rooms: readonly string[];
  readonly random: Random;
  readonly localAddress: string;
  /** Returns the token of a user of the site; the client is a guest if absent. */
  readonly getToken?: () => Promise<string>;
}

/** One answer; times in ms of `performance.now()`. */
export interface Answered {
  readonly saidAt: number;
  readonly ackedAt: number;
}

/** Something that an honest client was refused, at a time in ms of `performance.now()`. */
export interface Refused {
  readonly at: number;
  /** The code and the sentence of an error frame, the status of an upgrade or the code of a close frame. */
  readonly what: string;
}

/** One person with the project's own client library who notes what they waited for and what they were refused. */
export class HonestClient {
  readonly name: string;
  readonly client: ChatClient;
  readonly views: ReadonlyMap<string, RoomView>;
  readonly acks: Answered[] = [];
  /** Requests that got an error. */
  readonly refusals: Refused[] = [];
  /** Connections that were refused, or that the server ended. */
  readonly ends: Refused[] = [];
  /** How often the server said that messages cannot be stored and shown now. */
  notLive = 0;
  readonly seen: Seen = nothingSeen();
  readonly findings = new Findings();
  readonly #localAddress: string;
  readonly #sockets = new Set<WebSocket>();
  /** By key: when it was said. Emptied by its ack. */
  readonly #unacked = new Map<string, number>();

  constructor({ name, wsUrl, rooms, random, localAddress, getToken }: HonestOptions) {
    this.name = name;
    this.#localAddress = localAddress;
    const url = new URL("/ws", wsUrl).href;
    this.client = new ChatClient({
      url,
      handle: name,
      openSocket: this.#openSocket,
      random,
      ...(getToken === undefined ? {} : { getToken }),
    });
    this.views = new Map(rooms.map((room) => [room, new RoomView(this.client.join(room))]));
  }

  get user(): string {
    return this.client.self?.id ?? "nobody";
  }

  /** Connected, and every room is up to date. */
  get isServed(): boolean {
    return (
      this.client.connection.name === "live" &&
      [...this.views.values()].every(({ room }) => room.state === "current")
    );
  }

  /** Connected, and nothing is asked or sent any more. */
  get isQuiet(): boolean {
    return this.isServed && [...this.views.values()].every((view) => view.isQuiet);
  }

  say(room: string, text: string): void {
    const key = this.views.get(room)?.say(text);
    if (key !== undefined) this.#unacked.set(key, performance.now());
  }

  stop(): void {
    this.client.stop();
    for (const socket of this.#sockets) socket.terminate();
  }

  readonly #openSocket: OpenSocket = (url, subprotocol, listener): ClientSocket => {
    const witness = new WireWitness(this.name, this.seen, this.findings);
    const socket = openWitnessed(url, subprotocol, listener, witness, { localAddress: this.#localAddress });
    this.#sockets.add(socket);
    socket.prependListener("message", (data) => this.#received(data.toString()));
    socket.on("error", ({ message }) => this.#ended(message));
    socket.on("close", (code) => {
      this.#sockets.delete(socket);
      if (code >= 1008) this.#ended(`closed with ${code}`);
    });
    return clientSocket(socket);
  };

  #received(text: string): void {
    // Most frames are messages, which the witness and the library read.
    if (text.startsWith('{"id"')) return;
    const frame: { type?: string; key?: string; code?: string; message?: string; live?: boolean } =
      JSON.parse(text);
    if (frame.type === "ack" && frame.key !== undefined) this.#acked(frame.key);
    else if (frame.type === "error")
      this.refusals.push({ at: performance.now(), what: `${frame.code}: ${frame.message}` });
    else if (frame.type === "status" && frame.live === false) this.notLive += 1;
  }

  #acked(key: string): void {
    const saidAt = this.#unacked.get(key);
    if (saidAt === undefined) return;
    this.#unacked.delete(key);
    this.acks.push({ saidAt, ackedAt: performance.now() });
  }

  #ended(what: string): void {
    this.ends.push({ at: performance.now(), what });
  }
}
