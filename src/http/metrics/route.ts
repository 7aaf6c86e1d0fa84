import type { FastifyInstance } from "fastify";
import type { Monitor } from "../../monitoring/monitor.ts";
import type { ProcessStats } from "../../monitoring/process-stats.ts";
import { refuse } from "../api/error.ts";
import type { ProgramKeys } from "../api/program-keys.ts";
import { EXPOSITION_TYPE, exposition } from "./exposition.ts";

/** Access to the metrics: every client, only programs with one of API_KEYS, or none. */
export type MetricsAccess = "open" | "key" | "off";

/** Values of `?scope=`. */
const SCOPES = ["fleet", "process"] as const;
type Scope = (typeof SCOPES)[number];

/**
 * Registers `/metrics`: the numbers of all running processes, whichever process answers; with
 * `?scope=process` only those of the process that answers, for a Prometheus that scrapes each of them. If the
 * app has that route already, that stays.
 */
export function registerMetrics(
  app: FastifyInstance,
  watch: Pick<Monitor, "vitals" | "fleet">,
  access: MetricsAccess,
  programs: ProgramKeys,
): void {
  if (access === "off" || app.hasRoute({ method: "GET", url: "/metrics" })) return;
  const preHandler = access === "key" ? [programs.only] : [];
  app.get<{ Querystring: { scope?: unknown } }>("/metrics", { preHandler }, async ({ query }, reply) => {
    const { scope = "fleet" } = query;
    if (!isScope(scope)) {
      return refuse(reply, { code: "bad-request", message: `scope is one of: ${SCOPES.join(", ")}.` });
    }
    const text = exposition(await processesIn(scope, watch));
    return reply.header("Cache-Control", "no-store").type(EXPOSITION_TYPE).send(text);
  });
}

function isScope(value: unknown): value is Scope {
  return SCOPES.some((scope) => scope === value);
}

async function processesIn(
  scope: Scope,
  watch: Pick<Monitor, "vitals" | "fleet">,
): Promise<readonly ProcessStats[]> {
  return scope === "process" ? [watch.vitals] : watch.fleet();
}
