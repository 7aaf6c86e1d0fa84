import type { FastifyInstance } from "fastify";
import type { Chat } from "../chat/chat.ts";
import type { Gate } from "../transport/gate.ts";

/** Paths of the probes, which are answered for every host name: probes use the address. */
export const PROBES = ["/livez", "/readyz"] as const;

/** The answer to a probe. */
export interface Readiness {
  readonly ready: boolean;
  /** Reasons why it is not ready; empty if it is. */
  readonly reasons: readonly string[];
}

/**
 * Registers the health checks. `/livez`: the process runs and answers. `/readyz`: it can serve now, which
 * requires the store in both directions, no drain under way and no overload; otherwise 503 with the reasons.
 * If the app has one of these routes already, that stays.
 */
export function registerHealth(app: FastifyInstance, chat: Chat, gate: Gate): void {
  if (!app.hasRoute({ method: "GET", url: "/livez" })) app.get("/livez", async () => ({ alive: true }));
  if (app.hasRoute({ method: "GET", url: "/readyz" })) return;
  app.get("/readyz", async (_request, reply) => {
    const readiness = readinessOf(chat, gate);
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
}

function readinessOf(chat: Chat, { isDraining, overload }: Gate): Readiness {
  const reasons: string[] = [];
  if (isDraining) reasons.push("draining");
  if (!chat.live) reasons.push(`log ${chat.status.state}: ${chat.status.reason}`);
  if (overload !== undefined) reasons.push(`overload: ${overload}`);
  return { ready: reasons.length === 0, reasons };
}
