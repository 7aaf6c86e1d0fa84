import type { WebSocket } from "ws";
import { ChatClient } from "../../src/client/client.ts";
import type { ClientSocket, OpenSocket, Random } from "../../src/client/ports.ts";
import type { Findings } from "../checker/findings.ts";
import { RoomView } from "../checker/room-view.ts";
import type { Send } from "../checker/send.ts";
import { nothingSeen, type Seen, WireWitness } from "../checker/wire-witness.ts";
import { clientSocket, openWitnessed } from "../checker/witnessed-socket.ts";
import { ServiceRecord } from "./service-record.ts";

export interface ParticipantOptions {
  readonly name: string;
  /** `ws://…` of the router. */
  readonly wsUrl: string;
  readonly rooms: readonly string[];
  readonly random: Random;
  readonly findings: Findings;
  /** The address it comes from, where this machine has others than 127.0.0.1. */
  readonly localAddress: string | undefined;
}

/** What became of one message, as its sender saw it; times in ms of `performance.now()`. */
export interface Echo {
  readonly saidAt: number;
  readonly shownAt: number;
}

/** One person with the project's own client library, who notes when it could not have been used. */
export class Participant {
  readonly name: string;
  readonly client: ChatClient;
  readonly service = new ServiceRecord();
  /** When each connection beyond the first was opened, ms of `performance.now()`. */
  readonly reconnects: number[] = [];
  readonly echoes: Echo[] = [];
  readonly seen: Seen = nothingSeen();
  readonly views: ReadonlyMap<string, RoomView>;
  readonly #findings: Findings;
  readonly #localAddress: string | undefined;
  readonly #sockets = new Set<WebSocket>();
  /** By text: when it was said. Emptied by its echo; what never comes back is a finding. */
  readonly #unheard = new Map<string, number>();
  #connected = false;
  /** The server's own word that it does not reach the store. */
  #logAway = false;

  constructor({ name, wsUrl, rooms, random, findings, localAddress }: ParticipantOptions) {
    this.name = name;
    this.#findings = findings;
    this.#localAddress = localAddress;
    const url = new URL("/ws", wsUrl).href;
    this.client = new ChatClient({ url, handle: name, openSocket: this.#openSocket, random });
    this.client.on("connection", ({ name: state }) => {
      // The next connection's joins say for themselves whether the store is there.
      if (state !== "live") this.#logAway = false;
      this.#note();
    });
    this.client.on("status", ({ live }) => {
      this.#logAway = !live;
      this.#note();
    });
    this.views = new Map(rooms.map((room) => [room, this.#enter(room)]));
  }

  start(): void {
    this.client.start();
  }

  stop(): void {
    this.client.stop();
    for (const socket of this.#sockets) socket.terminate();
  }

  get user(): string {
    return this.client.self?.id ?? "nobody";
  }

  get sends(): readonly Send[] {
    return [...this.views.values()].flatMap(({ sends }) => sends);
  }

  /** Connected, and nothing is asked or sent any more. */
  get isQuiet(): boolean {
    return this.service.served && [...this.views.values()].every((view) => view.isQuiet);
  }

  /** `text` must be this person's only one with these words. */
  say(room: string, text: string): void {
    this.#unheard.set(text, performance.now());
    this.views.get(room)?.say(text);
  }

  #enter(name: string): RoomView {
    const view = new RoomView(this.client.join(name));
    view.room.on("state", () => this.#note());
    view.room.on("added", ({ messages }) => {
      for (const { user, text } of messages) if (user === this.user) this.#heard(text);
    });
    return view;
  }

  #heard(text: string): void {
    const saidAt = this.#unheard.get(text);
    if (saidAt === undefined) return;
    this.#unheard.delete(text);
    this.echoes.push({ saidAt, shownAt: performance.now() });
  }

  /** Has service who could read what others say now, and say something that is stored. */
  #note(): void {
    const rooms = [...this.views.values()];
    const served =
      this.client.connection.name === "live" &&
      !this.#logAway &&
      rooms.every(({ room }) => room.state === "current");
    this.service.note(served, performance.now());
  }

  readonly #openSocket: OpenSocket = (url, subprotocol, listener): ClientSocket => {
    const witness = new WireWitness(this.name, this.seen, this.#findings);
    const address = this.#localAddress === undefined ? {} : { localAddress: this.#localAddress };
    const socket = openWitnessed(url, subprotocol, listener, witness, address);
    this.#sockets.add(socket);
    socket.prependListener("open", () => {
      if (this.#connected) this.reconnects.push(performance.now());
      this.#connected = true;
    });
    socket.prependListener("close", () => this.#sockets.delete(socket));
    return clientSocket(socket);
  };
}
