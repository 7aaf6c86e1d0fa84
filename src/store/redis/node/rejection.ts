import { connect } from "node:net";
import type { RedisAddress } from "../redis-url.ts";

/** For a server to say why it lets nobody in: it does at once. */
const WAIT_MS = 500;
/** Of what it says, bytes. */
const LONGEST = 512;

const CLOSED = new Set(["EPIPE", "ECONNRESET"]);

/**
 * Returns the error that a server answers a new connection with, for one that it closed at once; else `error` itself. A server that has too
 * many clients, or is in protected mode, says so and closes. By then the client library has written to the connection, and what was to be
 * read is lost with it. So another connection is made, on which nothing is written. Never rejects; over TLS a server says nothing.
 */
export async function rejectionOf({ host, port, tls }: RedisAddress, error: unknown): Promise<unknown> {
  if (tls || !isClosed(error)) return error;
  const said = await firstLine(host, port);
  // The client library's errors have this name where the server answered (errors.ts).
  return said.startsWith("-") ? Object.assign(new Error(said.slice(1)), { name: "ReplyError" }) : error;
}

function isClosed(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return "code" in error ? CLOSED.has(String(error.code)) : error.message === "Connection is closed.";
}

function firstLine(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const socket = connect({ host, port, timeout: WAIT_MS });
    const end = (): void => {
      socket.destroy();
      resolve(said.split("\r\n")[0] ?? "");
    };
    socket.on("data", (data) => {
      said += data.toString("latin1");
      if (said.length > LONGEST || said.includes("\r\n")) end();
    });
    socket.on("error", end).on("end", end).on("timeout", end).on("close", end);
  });
}
