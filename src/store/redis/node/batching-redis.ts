import { Redis } from "ioredis";

/**
 * A client that sends the commands of one tick of the event loop in one write. ioredis's own way
 * (`enableAutoPipelining`) makes a pipeline object per tick, which cost a busy process as much as the write
 * itself.
 */
export class BatchingRedis extends Redis {
  #holding = false;

  override sendCommand(...sent: Parameters<Redis["sendCommand"]>): unknown {
    this.#hold();
    return super.sendCommand(...sent);
  }

  #hold(): void {
    // There is no stream before the client is connected, whatever the type says.
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
