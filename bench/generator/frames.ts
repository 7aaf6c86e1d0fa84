/** Opcodes of RFC 6455, section 5.2. */
export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/** A frame's place in the bytes it was found in. */
export interface FramePlace {
  readonly opcode: number;
  readonly start: number;
  readonly end: number;
}

/** Returns the server's frame (not masked) that begins at `at`; undefined if it is incomplete. */
export function frameAt(bytes: Buffer, at: number, length: number): FramePlace | undefined {
  if (at + 2 > length) return undefined;
  const opcode = (bytes[at] ?? 0) & 0x0f;
  const short = (bytes[at + 1] ?? 0) & 0x7f;
  let start = at + 2;
  let size = short;
  if (short === 126) {
    if (at + 4 > length) return undefined;
    size = bytes.readUInt16BE(at + 2);
    start = at + 4;
  } else if (short === 127) {
    if (at + 10 > length) return undefined;
    size = Number(bytes.readBigUInt64BE(at + 2));
    start = at + 10;
  }
  const end = start + size;
  return end <= length ? { opcode, start, end } : undefined;
}

/** Any mask works, because there is no proxy between; not zero, which servers need not undo. */
const MASK = Buffer.from([0x5a, 0xa5, 0x3c, 0xc3]);

/** A client's frame, masked as the protocol demands. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + MASK.length + length);
  frame[0] = 0x80 | opcode;
  if (head === 2) frame[1] = 0x80 | length;
  else if (head === 4) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  MASK.copy(frame, head);
  const start = head + MASK.length;
  for (let i = 0; i < length; i += 1) frame[start + i] = (payload[i] ?? 0) ^ (MASK[i & 3] ?? 0);
  return frame;
}

export function textFrame(text: string): Buffer {
  return clientFrame(OPCODE.text, Buffer.from(text));
}
