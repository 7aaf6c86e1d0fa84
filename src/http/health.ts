import type { FastifyInstance } from "fastify";
import type { Chat } from "../chat/chat.ts";
import type { Gate } from "../transport/gate.ts";

/** Probes ask by address, whatever names the chat has. */
export const PROBES = ["/livez", "/readyz"] as const;

/** What a probe is told. */
export interface Readiness {
  readonly ready: boolean;
  /** Why not; empty when ready. */
  readonly reasons: readonly string[];
}

/**
 * `/livez`: the process runs and answers. `/readyz`: it can serve now, which needs the store in both
 * directions, no drain under way and no overload; 503 with the reasons otherwise. An app that has one of these addresses keeps it.
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
