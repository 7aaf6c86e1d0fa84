import type { ClientFrame } from "../protocol/frames.ts";
import { readEventStream } from "./http/event-stream.ts";
import { type Fetch, type Fields, HttpCalls, isFields, type Reply } from "./http/http-calls.ts";
import { HttpRoom } from "./http/http-room.ts";
import type { Cancel, ClientSocket, Clock, OpenSocket, SocketListener } from "./ports.ts";

/** Milliseconds in which joins are gathered, so that the rooms of a page come by one stream and not by one after the other. */
const GATHER_MS = 30;

/** Milliseconds without a sign of life after which a stream is not trusted when somebody asks; a comment comes every 15 s. */
const SILENCE_MS = 20_000;

/** Close codes, docs/protocol.md section 6; here once more for the reason that contract.ts gives. */
const ABNORMAL = 1006;
const OVERLOADED = 1013;
const UNAUTHORIZED = 4401;
const CODES: ReadonlyMap<number, number> = new Map([
  [401, UNAUTHORIZED],
  [403, 4403],
  [429, 4429],
]);

export interface HttpPorts {
  readonly fetch: Fetch;
  readonly clock: Clock;
}

/**
 * Opens what the client takes for a socket, and is none: it speaks `dynochat.v1` to the client and HTTP to the server that has
 * the socket's address, for networks where sockets are blocked. The server knows the client again by its cookies, so `fetch` must
 * keep them, as a page's does. Nobody is told what is typed here; everything else that docs/protocol.md promises holds,
 * as long as the client waits for the answer to a message before it sends the next to that room.
 */
export function openHttpSocket({ fetch, clock }: HttpPorts): OpenSocket {
  return (url, _subprotocol, listener) => new HttpSocket(new HttpCalls(url, fetch), clock, listener);
}

class HttpSocket implements ClientSocket {
  readonly #calls: HttpCalls;
  readonly #clock: Clock;
  readonly #listener: SocketListener;
  readonly #rooms = new Map<string, HttpRoom>();
  /** Rooms that were joined and not left, also those whose page is being read. */
  readonly #wanted = new Set<string>();
  /** Aborted when it is over, with everything under way. */
  readonly #life = new AbortController();
  #stream: AbortController | undefined;
  #heardAt = 0;
  #streams = 0;
  #cancelStream: Cancel | undefined;
  /** Who the stream is read as, and until when. */
  #reader = "";

  constructor(calls: HttpCalls, clock: Clock, listener: SocketListener) {
    this.#calls = calls;
    this.#clock = clock;
    this.#listener = listener;
    this.#go(this.#open());
  }

  send(text: string): void {
    const frame: ClientFrame = JSON.parse(text);
    switch (frame.type) {
      case "hello":
        this.#go(this.#hello(frame));
        break;
      case "join":
        this.#wanted.add(frame.room);
        this.#go(this.#join(frame));
        break;
      case "leave":
        this.#wanted.delete(frame.room);
        if (this.#rooms.delete(frame.room)) this.#streamSoon();
        this.#tell({ type: "ok", ref: frame.ref });
        break;
      case "message":
        this.#go(this.#say(frame));
        break;
      case "history":
        this.#go(this.#history(frame));
        break;
      case "ping":
        this.#go(this.#ping(frame.ref));
        break;
      case "typing":
      case "pong":
        // `typing` has no way to go, and `pong` answers what no server asked over the network.
        break;
      default:
        frame satisfies never;
    }
  }

  close(): void {
    this.#life.abort();
    this.#stream?.abort();
    this.#cancelStream?.();
  }

  /** Whatever cannot reach the server is the end of the connection, as it would be of a socket. */
  #go(work: Promise<void>): void {
    work.catch(() => this.#end(ABNORMAL, ""));
  }

  #end(code: number, reason: string): void {
    if (this.#life.signal.aborted) return;
    this.close();
    this.#listener.closed(code, reason);
  }

  #tell(frame: Fields): void {
    if (!this.#life.signal.aborted) this.#listener.received(JSON.stringify(frame));
  }

  readonly #tellRoom = (frame: Fields): void => this.#tell(frame);

  /** Tells why a request was not carried out. A session that is over is the end of the connection, as it is of a socket. */
  #refuse(ref: number, { body }: Reply): void {
    if (body["code"] === "unauthorized") this.#end(UNAUTHORIZED, String(body["message"]));
    else this.#tell({ ...body, type: "error", ref });
  }

  async #open(): Promise<void> {
    const ready = await this.#calls.isReady(this.#life.signal);
    if (!ready) this.#end(OVERLOADED, "");
    else if (!this.#life.signal.aborted) this.#listener.opened();
  }

  async #hello({ ref, type: _type, ...who }: Extract<ClientFrame, { type: "hello" }>): Promise<void> {
    const reply = await this.#calls.post("session", who, this.#life.signal);
    if (!reply.ok) return this.#refuse(ref, reply);
    this.#tell({ ...reply.body, type: "welcome", ref, session: "http" });
    // A stream stays with the name and the end that it began with, so others need another one.
    const { user, endsAt } = reply.body;
    const reader = JSON.stringify([user, endsAt]);
    if (this.#stream !== undefined && reader !== this.#reader) this.#streamSoon();
    this.#reader = reader;
  }

  async #join({ ref, room, after, limit }: Extract<ClientFrame, { type: "join" }>): Promise<void> {
    const wanted = limit === undefined ? "" : `&limit=${limit}`;
    let reply = await this.#page(room, after === undefined ? wanted : `&after=${after}${wanted}`);
    const recovered = reply.body["recovered"] !== false;
    if (reply.ok && !recovered) reply = await this.#page(room, wanted);
    if (!reply.ok) return this.#refuse(ref, reply);
    if (!this.#wanted.has(room)) return;
    // More than one answer holds: the client reads on by itself, and the stream begins with what comes next.
    const reads = after !== undefined && recovered && reply.body["more"] === true;
    const known = this.#rooms.get(room) ?? new HttpRoom(room, this.#tellRoom);
    known.joins(ref, reply.body, recovered, reads ? undefined : lastId(reply, recovered ? after : undefined));
    this.#rooms.set(room, known);
    this.#streamSoon();
  }

  async #say({ ref, room, key, text }: Extract<ClientFrame, { type: "message" }>): Promise<void> {
    const reply = await this.#calls.post(`rooms/${room}/messages`, { text }, this.#life.signal, key);
    if (reply.ok) this.#tell({ ...reply.body, type: "ack", ref, room, key });
    else this.#refuse(ref, reply);
  }

  async #history({
    ref,
    room,
    before,
    after,
    limit,
  }: Extract<ClientFrame, { type: "history" }>): Promise<void> {
    const query = Object.entries({ before, after, limit })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `&${name}=${value}`);
    const reply = await this.#page(room, query.join(""));
    if (reply.ok) this.#tell({ ...reply.body, type: "history", ref, room });
    else this.#refuse(ref, reply);
  }

  async #ping(ref: number): Promise<void> {
    // Perhaps the machine slept, and what the stream stood on is gone.
    if (this.#clock.now() - this.#heardAt > SILENCE_MS) this.#streamSoon();
    if (await this.#calls.isReady(this.#life.signal)) this.#tell({ type: "pong", ref });
  }

  #page(room: string, query: string): Promise<Reply> {
    return this.#calls.get(`rooms/${room}/messages?${query.slice(1)}`, this.#life.signal);
  }

  #streamSoon(): void {
    // What the old one still brought would not fit to where the new one begins.
    this.#stream?.abort();
    this.#stream = undefined;
    this.#cancelStream?.();
    this.#cancelStream = this.#clock.after(GATHER_MS, () => this.#go(this.#readStream()));
  }

  /** One stream carries all rooms, because a browser has six connections to a server; another set of them needs another stream. */
  async #readStream(): Promise<void> {
    if (this.#rooms.size === 0 || this.#life.signal.aborted) return;
    const stream = new AbortController();
    this.#stream = stream;
    this.#streams += 1;
    this.#heardAt = this.#clock.now();
    try {
      const rooms = Array.from(this.#rooms.values(), ({ query: visit }) => visit);
      const events = await this.#calls.events(rooms, stream.signal);
      if (!events.ok) return this.#streamRefused(events.error);
      const received = (name: string, data: string) => {
        if (stream === this.#stream) this.#event(name, data);
      };
      await readEventStream(events.value, received, () => this.#alive(stream));
    } catch (error) {
      if (stream === this.#stream) throw error;
    }
    if (stream === this.#stream) this.#end(ABNORMAL, "");
  }

  #streamRefused({ status, body }: Reply): void {
    // An answer that is not the chat's says nothing about the user.
    const code = body["code"] === "unavailable" ? undefined : CODES.get(status);
    this.#end(code ?? OVERLOADED, String(body["retryAfterMs"] ?? body["message"]));
  }

  /** To the client a comment is what a server's `ping` is: something was heard. */
  #alive(stream: AbortController): void {
    if (stream !== this.#stream) return;
    this.#heardAt = this.#clock.now();
    this.#tell({ type: "ping" });
  }

  #event(name: string, data: string): void {
    const frame: unknown = JSON.parse(data);
    if (!isFields(frame)) return;
    const room = this.#rooms.get(String(frame["room"]));
    switch (name) {
      case "message":
        room?.entry(frame);
        break;
      case "reset":
        room?.reset();
        break;
      case "joined":
        room?.joined(frame);
        break;
      case "presence":
        room?.presence(frame);
        break;
      case "close":
        this.#end(Number(frame["code"]), String(frame["reason"]));
        break;
      case "notice":
        // Every stream brings what a new client is told; the client is one once.
        if (this.#streams === 1) this.#tell(frame);
        break;
      default:
        this.#tell(frame);
    }
  }
}

/** Where a stream goes on: after the last message, else where the client stands, else at the beginning. */
function lastId({ body }: Reply, after: string | undefined): string {
  const { messages } = body;
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  return isFields(last) && typeof last["id"] === "string" ? last["id"] : (after ?? "0-0");
}
