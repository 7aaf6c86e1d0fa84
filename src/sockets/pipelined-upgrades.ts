import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "../logger.ts";

/**
 * From now on ends a connection that asks for a socket before its last request is answered. Node hands it over all the same and
 * no longer watches it, while nobody can answer on it before that request is done: it would stay open, uncounted, for as long
 * as its client likes.
 */
export function endPipelinedUpgrades(server: Server, logger: Logger): void {
  const unanswered = new WeakMap<Duplex, ServerResponse>();
  const answered = function (this: ServerResponse): void {
    if (unanswered.get(this.req.socket) === this) unanswered.delete(this.req.socket);
  };
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    unanswered.set(request.socket, response);
    response.on("finish", answered);
  });
  server.on("upgrade", (_request: IncomingMessage, socket: Duplex) => {
    if (!unanswered.has(socket)) return;
    logger.info({ event: "upgrade-refused" }, "an upgrade came before the request ahead of it was answered");
    socket.destroy();
  });
}
