import { connect, type Socket } from "node:net";

/** A connection to a port of this machine, or why there is none. Never rejects. */
export function dial(port: number, limitMs: number): Promise<Socket | "refused" | "timeout"> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    const refused = (): void => settle("refused");
    const late = setTimeout(() => settle("timeout"), limitMs);
    const settle = (outcome: Socket | "refused" | "timeout"): void => {
      clearTimeout(late);
      socket.off("error", refused);
      if (typeof outcome === "string") socket.on("error", () => undefined).destroy();
      resolve(outcome);
    };
    socket.once("error", refused);
    socket.once("connect", () => settle(socket));
  });
}
