import type { FastifyReply, FastifyRequest } from "fastify";
import { SUBPROTOCOL } from "../../protocol.ts";
import type { ClientAddresses } from "../client-address.ts";
import type { ConnectionLimits } from "../connection-limits.ts";
import type { ChatCookies } from "../cookies/chat-cookies.ts";
import { type HostPolicy, MISDIRECTED } from "../hosts.ts";
import type { OriginPolicy } from "../origin.ts";

/** What an upgrade is held against. */
export interface GateRules {
  readonly addresses: ClientAddresses;
  readonly cookies: ChatCookies;
  readonly hosts: HostPolicy;
  readonly origins: OriginPolicy;
  readonly connectionLimits: ConnectionLimits;
  /** Whether this process is going away. */
  readonly draining: () => boolean;
  /** Why it has too much to do for one more; undefined: it has not. */
  readonly overload: () => string | undefined;
}

/** Seconds after which a client that was refused for a limit of connections may try again. */
const FULL_RETRY_SECONDS = 5;

const CONNECTS_TOO_FAST = "Connections are opened too fast from your address.";

/** Why a socket cannot be opened: an HTTP status and one sentence. */
export interface Rejection {
  readonly status: 400 | 401 | 403 | 404 | 421 | 429 | 503;
  readonly sentence: string;
  /** When it may be tried again, ms; undefined = the usual time, where it may be at all. */
  readonly retryAfterMs?: number;
}

/** Returns why this server does not answer for the request's host; undefined: it does. */
export function hostRejection(request: FastifyRequest, rules: GateRules): Rejection | undefined {
  const sentence = rules.hosts.refusal(request);
  return sentence === undefined ? undefined : { status: MISDIRECTED, sentence };
}

/** Returns why pages of the request's origin may not open sockets; undefined: they may. */
export function originRejection(request: FastifyRequest, rules: GateRules): Rejection | undefined {
  const sentence = rules.origins.refusal(request);
  return sentence === undefined ? undefined : { status: 403, sentence };
}

/** Returns the first reason not to open a socket for a request whose origin is allowed, or undefined. */
export function rejection(request: FastifyRequest, rules: GateRules): Rejection | undefined {
  if (rules.draining()) return { status: 503, sentence: "This server is restarting; try again." };
  if (!knowsSubprotocol(request)) {
    return { status: 400, sentence: `The only subprotocol spoken here is ${SUBPROTOCOL}, and none.` };
  }
  const address = rules.addresses.of(request);
  const full = rules.connectionLimits.full(address);
  if (full === "process") return { status: 503, sentence: "This server has no room for another connection." };
  const overload = rules.overload();
  if (overload !== undefined)
    return { status: 503, sentence: `This server has too much to do: ${overload}.` };
  if (full === "address")
    return { status: 429, sentence: "There are too many connections from your address." };
  const retryAfterMs = rules.connectionLimits.connect(address);
  return retryAfterMs === 0 ? undefined : { status: 429, sentence: CONNECTS_TOO_FAST, retryAfterMs };
}

/** Answers an upgrade that was rejected. */
export function reject(reply: FastifyReply, { status, sentence, retryAfterMs }: Rejection): FastifyReply {
  const seconds = retryAfterMs === undefined ? FULL_RETRY_SECONDS : Math.ceil(retryAfterMs / 1000);
  if (status === 429 || status === 503) reply.header("Retry-After", seconds);
  return reply.code(status).type("text/plain; charset=utf-8").send(`${sentence}\n`);
}

/** Whether a client asked for `dynochat.v1`. */
export function asksForV1(request: FastifyRequest): boolean {
  return offered(request).includes(SUBPROTOCOL);
}

function knowsSubprotocol(request: FastifyRequest): boolean {
  return offered(request).length === 0 || asksForV1(request);
}

function offered(request: FastifyRequest): string[] {
  const header = request.headers["sec-websocket-protocol"] ?? "";
  return header
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
