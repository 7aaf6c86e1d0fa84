/** How a message is found in whatever a server wraps it in, and told from all others. */
const PREFIX = Buffer.from("~mark~");
const NUMBER_DIGITS = 8;
const TIME_DIGITS = 13;

/** Bytes of a mark: the prefix, the message's number and the time it was sent, both in hex of fixed length. */
export const MARK_BYTES = PREFIX.length + NUMBER_DIGITS + TIME_DIGITS;

/** The last 8 bits of a message's number name its sender, the rest count that sender's messages. */
const SENDER_BITS = 256;

export function messageNumber(sender: number, sequence: number): number {
  return sequence * SENDER_BITS + sender;
}

export function senderOf(number: number): number {
  return number % SENDER_BITS;
}

/** A text that carries a mark, filled to `bytes` with a character of two bytes where it would be long. */
export function markedText(number: number, sentAt: number, bytes: number): string {
  const mark = `~mark~${hex(number, NUMBER_DIGITS)}${hex(sentAt, TIME_DIGITS)}`;
  const left = Math.max(0, bytes - mark.length);
  // 4 KiB of one-byte characters would be longer than a message may be, which is counted in code points.
  return left > 1_000 ? mark + "é".repeat(left / 2) : mark + ".".repeat(left);
}

/** How many marks a frame carries. */
export function marksIn(frame: string): number {
  return frame.split("~mark~").length - 1;
}

/** Where the mark in a payload begins, or -1. */
export function findMark(bytes: Buffer, start: number, end: number): number {
  const at = bytes.indexOf(PREFIX, start);
  return at >= 0 && at + MARK_BYTES <= end ? at : -1;
}

export function numberAt(bytes: Buffer, mark: number): number {
  return fromHex(bytes, mark + PREFIX.length, NUMBER_DIGITS);
}

/** µs of the monotonic clock. */
export function timeAt(bytes: Buffer, mark: number): number {
  return fromHex(bytes, mark + PREFIX.length + NUMBER_DIGITS, TIME_DIGITS);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

const NINE = 0x39;

function fromHex(bytes: Buffer, start: number, digits: number): number {
  let value = 0;
  for (let i = start; i < start + digits; i += 1) {
    const code = bytes[i] ?? 0;
    value = value * 16 + (code <= NINE ? code - 0x30 : code - 0x57);
  }
  return value;
}
