import type { DialectName } from "./dialects.ts";
import type { Stretch } from "./pace.ts";

/** An address of one server process. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface ConnectCall {
  readonly dialect: DialectName;
  /** Clients are spread over them in turn. */
  readonly targets: readonly Target[];
  readonly sockets: number;
  /** Clients are spread over that many rooms in turn. */
  readonly rooms: number;
  /** Connections that are opened at a time. */
  readonly parallel: number;
  /** Returning clients request the messages after this id. */
  readonly after?: string | undefined;
}

export interface Connected {
  /** ms from the first connect until every client was ready. */
  readonly ms: number;
  /** Clients that did not become ready. */
  readonly failed: number;
  /** Messages that came with the answers to joins, all clients together. */
  readonly recovered: number;
}

export interface SendCall {
  /** What this process sends. */
  readonly stretches: readonly Stretch[];
  /** When to begin, and from when on messages count as measured, µs of the monotonic clock. */
  readonly startAt: number;
  readonly measureFrom: number;
  /** Bytes of a text. */
  readonly textBytes: number;
  /** The first of this process's clients send, that many; their numbers begin with `firstSender`. */
  readonly senders: number;
  readonly firstSender: number;
  /** The last of this process's clients stop reading, that many, and are not counted. */
  readonly stalled: number;
}

export interface Sent {
  readonly messages: number;
}

export interface SettleCall {
  /** Messages that each reading client is to have seen. */
  readonly messages: number;
  readonly timeoutMs: number;
}

/** What the reading clients of this process received. */
export interface Seen {
  readonly deliveries: number;
  readonly measured: number;
  readonly missing: number;
  readonly doubled: number;
  readonly disordered: number;
  readonly acked: number;
  /** Ids of the newest acked messages, oldest first, where the server gives any. */
  readonly newestIds: readonly string[];
  readonly refused: number;
  /** Reading clients whose connection the server ended. */
  readonly lostClients: number;
  /** Latencies as `Histogram` counts them. */
  readonly latency: readonly number[];
  /** CPU that this process used since `send`, µs. */
  readonly cpuMicros: number;
}

/** Stalled clients that were given up, by close code; 1006: ended without one. */
export type Endings = Readonly<Record<string, number>>;

/** What a generator process is asked to do. */
export interface GeneratorCalls {
  connect(call: ConnectCall): Promise<Connected>;
  send(call: SendCall): Promise<Sent>;
  settle(call: SettleCall): Promise<Seen>;
  /** Lets stalled clients continue to read for that time, ms. */
  resume(ms: number): Promise<Endings>;
  /** Cuts all connections. */
  cut(): Promise<void>;
}
