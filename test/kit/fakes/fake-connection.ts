import type { Codec, Connection } from "../../../src/chat/connection.ts";
import { V1_CODEC } from "../../../src/transport/codecs/v1.ts";

/** A frame as it came out; tests know what to expect of which. */
export type Out = Readonly<Record<string, unknown>> & { readonly type?: string };

let made = 0;

/** A client's socket that keeps what was written, and is as slow as the test says. */
export class FakeConnection implements Connection {
  readonly id: string;
  readonly codec: Codec;
  readonly network: string;
  /** What was written, one buffer a write. */
  readonly writes: Buffer[] = [];
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  /** What waits for `release`. */
  #held: Buffer[] | undefined;
  #waiting = 0;
  #draining: { readonly below: number; readonly done: () => void }[] = [];

  constructor(codec: Codec = V1_CODEC, network = "192.0.2.1") {
    made += 1;
    this.id = `connection-${made}`;
    this.codec = codec;
    this.network = network;
  }

  /** Changes by itself where the test makes less wait. */
  progress = 0;
  /** Whether its peer reads nothing: what is written waits. */
  isStalled = false;

  get waiting(): number {
    return this.#waiting;
  }

  set waiting(bytes: number) {
    if (bytes < this.#waiting) this.progress += 1;
    this.#waiting = bytes;
    const still = this.#draining.filter(({ below }) => bytes >= below);
    const ready = this.#draining.filter(({ below }) => bytes < below);
    this.#draining = still;
    for (const { done } of ready) done();
  }

  /** Everything that was written, frame by frame. */
  get frames(): Out[] {
    return framesIn(Buffer.concat(this.writes));
  }

  framesOf(type: string): Out[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** What was written since the last look. */
  take(): Out[] {
    return framesIn(Buffer.concat(this.writes.splice(0)));
  }

  write(bytes: Buffer, when?: "now" | "soon" | "held"): void {
    if (bytes.length === 0 || this.closedWith !== undefined) return;
    if (when === "held") this.#held ??= [];
    (this.#held ?? this.writes).push(bytes);
    if (this.isStalled) this.#waiting += bytes.length;
  }

  release(): void {
    if (this.#held !== undefined) this.writes.push(Buffer.concat(this.#held));
    this.#held = undefined;
  }

  drained(below: number): Promise<void> {
    if (this.#waiting < below) return Promise.resolve();
    return new Promise((done) => this.#draining.push({ below, done }));
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason };
  }
}

/** The payloads of unmasked text frames, RFC 6455 section 5.2. */
export function payloadsIn(bytes: Buffer): string[] {
  const payloads: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== 0x81) throw new Error(`no whole text frame at byte ${at}`);
    const short = bytes.readUInt8(at + 1);
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    const end = at + header + length;
    if (end > bytes.length) throw new Error("a frame is cut off");
    payloads.push(bytes.toString("utf8", at + header, end));
    at = end;
  }
  return payloads;
}

function framesIn(bytes: Buffer): Out[] {
  return payloadsIn(bytes).map((payload): Out => JSON.parse(payload));
}
