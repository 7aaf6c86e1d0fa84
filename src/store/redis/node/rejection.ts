import { connect } from "node:net";
import type { RedisAddress } from "../redis-url.ts";

/** Milliseconds to wait for the server's reason, which it sends at once. */
const WAIT_MS = 500;
/** Bytes of the reason at most. */
const LONGEST = 512;

const CLOSED = new Set(["EPIPE", "ECONNRESET"]);

/**
 * Returns the error with which a server answers a new connection, if it closed the last one at once; else
 * `error` itself. A server that has too many clients, or is in protected mode, sends an error and closes. By
 * then the client library has written to the connection, and the unread answer is lost. So another connection
 * is opened, on which nothing is written. Never rejects; over TLS a server sends no reason.
 */
export async function rejectionOf({ host, port, tls }: RedisAddress, error: unknown): Promise<unknown> {
  if (tls || !isClosed(error)) return error;
  const said = await firstLine(host, port);
  // The client library gives this name to errors that the server answered (errors.ts).
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
