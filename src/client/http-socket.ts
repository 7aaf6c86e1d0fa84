import type { SentFrame } from "./frames.ts";
import { readEventStream } from "./http/event-stream.ts";
import { type Fetch, type Fields, HttpCalls, isFields, type Reply } from "./http/http-calls.ts";
import { HttpRoom } from "./http/http-room.ts";
import type { Cancel, ClientSocket, Clock, OpenSocket, SocketListener } from "./ports.ts";

/**
 * Milliseconds for which joins are collected, so that the rooms of a page use one stream instead of one
 * stream after another.
 */
const GATHER_MS = 30;

/** Milliseconds without data after which a stream is opened again on a probe; a comment comes every 15 s. */
const SILENCE_MS = 20_000;

/** Close codes of docs/protocol.md, section 6; repeated here for the reason in contract.ts. */
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
 * Opens a substitute for a socket: it speaks `dynochat.v1` to the client, and HTTP to the server at the
 * socket's address, for networks that block sockets. The server identifies the client by its cookies, so
 * `fetch` must keep them, as a page's does. Typing is not sent; everything else that docs/protocol.md
 * promises holds, as long as the client waits for the answer to a message before it sends the next one to
 * that room.
 */
export function openHttpSocket({ fetch, clock }: HttpPorts): OpenSocket {
  return (url, _subprotocol, listener) => new HttpSocket(new HttpCalls(url, fetch), clock, listener);
}

class HttpSocket implements ClientSocket {
  readonly #calls: HttpCalls;
  readonly #clock: Clock;
  readonly #listener: SocketListener;
  readonly #rooms = new Map<string, HttpRoom>();
  /** Rooms that were joined and not left, also those whose messages are being read. */
  readonly #wanted = new Set<string>();
  /** Aborted when the connection ends, with all pending requests. */
  readonly #life = new AbortController();
  #stream: AbortController | undefined;
  #heardAt = 0;
  #streams = 0;
  #cancelStream: Cancel | undefined;
  /** The user of the stream and the time at which their session ends, as a string. */
  #reader = "";

  constructor(calls: HttpCalls, clock: Clock, listener: SocketListener) {
    this.#calls = calls;
    this.#clock = clock;
    this.#listener = listener;
    this.#go(this.#open());
  }

  send(text: string): void {
    const frame: SentFrame = JSON.parse(text);
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
        // `typing` has no HTTP request, and `pong` answers a ping that was made here.
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

  /** Runs a task; if it cannot reach the server the connection ends, as a socket's would. */
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

  /**
   * Sends the client the reason for a refusal. An expired session ends the connection, as it does with a
   * socket.
   */
  #refuse(ref: number, { body }: Reply): void {
    if (body["code"] === "unauthorized") this.#end(UNAUTHORIZED, String(body["message"]));
    else this.#tell({ ...body, type: "error", ref });
  }

  async #open(): Promise<void> {
    const ready = await this.#calls.isReady(this.#life.signal);
    if (!ready) this.#end(OVERLOADED, "");
    else if (!this.#life.signal.aborted) this.#listener.opened();
  }

  async #hello({ ref, type: _type, ...who }: Extract<SentFrame, { type: "hello" }>): Promise<void> {
    const reply = await this.#calls.post("session", who, this.#life.signal);
    if (!reply.ok) return this.#refuse(ref, reply);
    this.#tell({ ...reply.body, type: "welcome", ref, session: "http" });
    // A stream keeps the name and the expiry with which it began, so other ones need another stream.
    const { user, endsAt } = reply.body;
    const reader = JSON.stringify([user, endsAt]);
    if (this.#stream !== undefined && reader !== this.#reader) this.#streamSoon();
    this.#reader = reader;
  }

  async #join({ ref, room, after, limit }: Extract<SentFrame, { type: "join" }>): Promise<void> {
    const wanted = limit === undefined ? "" : `&limit=${limit}`;
    let reply = await this.#page(room, after === undefined ? wanted : `&after=${after}${wanted}`);
    const recovered = reply.body["recovered"] !== false;
    if (reply.ok && !recovered) reply = await this.#page(room, wanted);
    if (!reply.ok) return this.#refuse(ref, reply);
    if (!this.#wanted.has(room)) return;
    // There is more than one answer can hold: the client reads on by itself, and the stream begins with the
    // next message.
    const reads = after !== undefined && recovered && reply.body["more"] === true;
    const known = this.#rooms.get(room) ?? new HttpRoom(room, this.#tellRoom);
    known.joins(ref, reply.body, recovered, reads ? undefined : lastId(reply, recovered ? after : undefined));
    this.#rooms.set(room, known);
    this.#streamSoon();
  }

  async #say({ ref, room, key, text }: Extract<SentFrame, { type: "message" }>): Promise<void> {
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
  }: Extract<SentFrame, { type: "history" }>): Promise<void> {
    const query = Object.entries({ before, after, limit })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `&${name}=${value}`);
    const reply = await this.#page(room, query.join(""));
    if (reply.ok) this.#tell({ ...reply.body, type: "history", ref, room });
    else this.#refuse(ref, reply);
  }

  async #ping(ref: number): Promise<void> {
    // Perhaps the machine slept, and the stream's connection is broken.
    if (this.#clock.now() - this.#heardAt > SILENCE_MS) this.#streamSoon();
    if (await this.#calls.isReady(this.#life.signal)) this.#tell({ type: "pong", ref });
  }

  #page(room: string, query: string): Promise<Reply> {
    return this.#calls.get(`rooms/${room}/messages?${query.slice(1)}`, this.#life.signal);
  }

  #streamSoon(): void {
    // Further events of the old stream would not fit the beginning of the new one.
    this.#stream?.abort();
    this.#stream = undefined;
    this.#cancelStream?.();
    this.#cancelStream = this.#clock.after(GATHER_MS, () => this.#go(this.#readStream()));
  }

  /**
   * Reads one stream for all rooms, because a browser opens at most six connections to a server. Another set
   * of rooms needs another stream.
   */
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
    // An answer of another server says nothing about the user.
    const code = body["code"] === "unavailable" ? undefined : CODES.get(status);
    this.#end(code ?? OVERLOADED, String(body["retryAfterMs"] ?? body["message"]));
  }

  /** Passes a comment of the stream to the client as a `ping`: data arrived. */
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
      case "left":
        // The stream goes on with the other rooms.
        this.#wanted.delete(String(frame["room"]));
        this.#rooms.delete(String(frame["room"]));
        this.#tell(frame);
        break;
      case "close":
        this.#end(Number(frame["code"]), String(frame["reason"]));
        break;
      case "notice":
        // Every stream begins with the notices for a new client, who gets them once.
        if (this.#streams === 1) this.#tell(frame);
        break;
      default:
        this.#tell(frame);
    }
  }
}

/**
 * Returns the id after which a stream continues: that of the last message, else the client's cursor, else the
 * beginning.
 */
function lastId({ body }: Reply, after: string | undefined): string {
  const { messages } = body;
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  return isFields(last) && typeof last["id"] === "string" ? last["id"] : (after ?? "0-0");
}
