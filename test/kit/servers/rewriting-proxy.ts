import { connect, createServer } from "node:net";
import { afterwards } from "../vitest/cleanup.ts";

/** A way to a server on which one text of what it says is replaced by another of the same length. */
export interface RewritingProxy {
  readonly port: number;
  /** Whether it is replaced; true at first. */
  active: boolean;
  /** Ends all connections. */
  cut(): void;
}

/** Ends with the test. A text that two packets share is left as it is: this is for short answers. */
export async function rewritingProxy(target: number, from: string, to: string): Promise<RewritingProxy> {
  const cuts = new Set<() => void>();
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
      cuts.delete(cut);
    };
    cuts.add(cut);
    for (const socket of [client, upstream]) socket.on("error", cut).on("close", cut);
    client.pipe(upstream);
    upstream.on("data", (data) => {
      const text = data.toString("latin1");
      client.write(proxy.active ? Buffer.from(text.replaceAll(from, to), "latin1") : data);
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  const proxy = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    active: true,
    cut: () => {
      for (const cut of cuts) cut();
    },
  };
  afterwards(() => {
    proxy.cut();
    server.close();
  });
  return proxy;
}
