import { Redis } from "ioredis";

/**
 * A client whose commands of one tick of the event loop leave in one write. ioredis's own way (`enableAutoPipelining`)
 * makes a pipeline object for each turn, which cost a busy process as much as the write itself.
 */
export class BatchingRedis extends Redis {
  #holding = false;

  override sendCommand(...sent: Parameters<Redis["sendCommand"]>): unknown {
    this.#hold();
    return super.sendCommand(...sent);
  }

  #hold(): void {
    // Before it is connected there is no stream, whatever the type says.
    const { stream }: { stream?: Redis["stream"] } = this;
    if (this.#holding || stream === undefined) return;
    this.#holding = true;
    stream.cork();
    setImmediate(() => {
      this.#holding = false;
      stream.uncork();
    });
  }
}
