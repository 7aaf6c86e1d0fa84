import { Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface TunnelListener {
  /** It was cut because nothing went through. */
  idle(): void;
  /** Both ends are gone; called once. */
  ended(): void;
}

/** Two ends of an upgraded connection: what comes in here goes out there, until one ends or both fall silent. */
export class Tunnel {
  readonly #client: Duplex;
  readonly #dyno: Duplex;
  readonly #listener: TunnelListener;
  readonly #idle: NodeJS.Timeout;
  #over = false;

  constructor(client: Duplex, dyno: Duplex, idleMs: number, listener: TunnelListener) {
    this.#client = client;
    this.#dyno = dyno;
    this.#listener = listener;
    this.#idle = setTimeout(this.#fallSilent, idleMs);
    for (const [from, to] of [
      [client, dyno],
      [dyno, client],
    ] as const) {
      from.on("data", (bytes: Buffer) => this.#pass(bytes, from, to));
      from.on("drain", () => to.resume());
      from.on("end", () => to.end());
      // An error is always followed by close.
      from.on("error", () => undefined);
      from.on("close", this.#closed);
    }
  }

  /** Passes on what was read with the heads of request and answer. */
  begin(fromClient: Buffer, fromDyno: Buffer): void {
    if (fromClient.length > 0) this.#pass(fromClient, this.#client, this.#dyno);
    if (fromDyno.length > 0) this.#pass(fromDyno, this.#dyno, this.#client);
  }

  /** Ends both ends at once. */
  cut(): void {
    this.#client.destroy();
    this.#dyno.destroy();
  }

  #pass(bytes: Buffer, from: Duplex, to: Duplex): void {
    this.#idle.refresh();
    if (!to.destroyed && !to.writableEnded && !to.write(bytes)) from.pause();
  }

  readonly #fallSilent = (): void => {
    this.#listener.idle();
    this.cut();
  };

  readonly #closed = (): void => {
    // What came before the end still reaches the other one.
    finish(this.#client);
    finish(this.#dyno);
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#idle);
    this.#listener.ended();
  };
}

function finish(end: Duplex): void {
  if (end instanceof Socket) end.destroySoon();
  else end.destroy();
}
