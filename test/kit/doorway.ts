import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterwards } from "./cleanup.ts";
import { freePort } from "./ports.ts";

/** PEM; with it the doorway speaks TLS outside and plain TCP inside, as the platform's router does. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** One address that stays while what is behind it changes: what the platform's router is to a browser. */
export interface Doorway {
  readonly port: number;
  /** `http://localhost:<port>`, or https where it has a certificate. */
  readonly url: string;
  /** Leads to that port from now on; the connections that are open stay where they are. */
  leadTo(port: number): void;
  /** Ends every connection and takes no new one until `leadTo`. */
  shut(): void;
}

/** Opens a doorway that is shut; it ends with the test or the file that opened it. */
export async function openDoorway(certificate?: Certificate): Promise<Doorway> {
  const port = await freePort();
  const open = new Set<Socket>();
  let target: number | undefined;
  const pass = (outside: Socket) => {
    if (target === undefined) {
      outside.destroy();
      return;
    }
    const inside = connect(target, "127.0.0.1");
    for (const [socket, other] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      open.add(socket);
      // An error is always followed by close.
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  };
  const server = certificate === undefined ? createServer(pass) : createTlsServer(certificate, pass);
  await listen(server, port);
  const shut = () => {
    target = undefined;
    for (const socket of open) socket.destroy();
  };
  afterwards(() => {
    shut();
    server.close();
  });
  return {
    port,
    url: `${certificate === undefined ? "http" : "https"}://localhost:${port}`,
    leadTo: (next) => {
      target = next;
    },
    shut,
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "localhost", () => {
      server.off("error", reject);
      resolve();
    });
  });
}
