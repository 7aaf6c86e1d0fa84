import type { FastifyInstance } from "fastify";
import type { ApiKeys } from "../../identity/api-keys.ts";
import type { Watch } from "../../watch/watch.ts";
import { onlyPrograms } from "../programs.ts";
import { EXPOSITION_TYPE, exposition } from "./exposition.ts";

/** Who may read the metrics: everybody, who has one of API_KEYS, nobody. */
export type MetricsAccess = "open" | "key" | "off";

/** `/metrics`: every living process's numbers, whichever process answers. An app that has that address keeps it. */
export function registerMetrics(
  app: FastifyInstance,
  watch: Watch,
  access: MetricsAccess,
  keys: ApiKeys,
): void {
  if (access === "off" || app.hasRoute({ method: "GET", url: "/metrics" })) return;
  const preHandler = access === "key" ? [onlyPrograms(keys)] : [];
  app.get("/metrics", { preHandler }, async (_request, reply) => {
    const text = await exposition(await watch.fleet());
    return reply.header("Cache-Control", "no-store").type(EXPOSITION_TYPE).send(text);
  });
}
