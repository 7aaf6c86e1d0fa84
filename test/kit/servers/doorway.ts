import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterwards } from "../vitest/cleanup.ts";

/** PEM; with it the doorway speaks TLS outside and plain TCP inside, as the platform's router does. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** One address that stays while what is after it changes: what the platform's router is to a browser. */
export interface Doorway {
  readonly port: number;
  /** `http://localhost:<port>`, or https where it has a certificate. */
  readonly url: string;
  /** Leads to that port from now on; the connections that are open stay where they are. */
  leadTo(port: number): void;
  /** Lets no socket through from now on, as a careless proxy does: requests to upgrade are refused, or never answered. */
  block(how: "refuse" | "ignore"): void;
  /** Lets sockets through again. */
  unblock(): void;
  /** Ends every connection and takes no new one until `leadTo`. */
  shut(): void;
}

/** Opens a doorway that is shut; it ends with the test or the file that opened it. */
export async function openDoorway(certificate?: Certificate): Promise<Doorway> {
  const open = new Set<Socket>();
  let target: number | undefined;
  let blocking: "refuse" | "ignore" | undefined;
  const pass = (outside: Socket) => {
    if (target === undefined) {
      outside.destroy();
      return;
    }
    if (blocking === undefined) {
      join(outside, connect(target, "127.0.0.1"));
      return;
    }
    const inside = target;
    open.add(outside);
    outside.on("error", () => undefined);
    outside.on("close", () => open.delete(outside));
    // A browser opens a connection of its own for each socket: the first bytes tell.
    outside.once("data", (first: Buffer) => {
      if (!/^upgrade: websocket/im.test(first.toString("latin1"))) {
        const socket = connect(inside, "127.0.0.1");
        socket.write(first);
        join(outside, socket);
      } else if (blocking === "refuse") outside.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    });
  };
  const join = (outside: Socket, inside: Socket) => {
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
  const port = await listen(server);
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
    block: (how) => {
      blocking = how;
    },
    unblock: () => {
      blocking = undefined;
    },
    shut,
  };
}

/** Fulfils with the port: any that is free. */
function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "localhost", () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
