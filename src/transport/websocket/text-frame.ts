/** Bytes of the longest header of an unmasked frame. */
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const FIN_AND_TEXT = 0x81;

/**
 * Returns a WebSocket text frame of the server, header and payload (RFC 6455, section 5.2): not fragmented,
 * not masked. `ws` frames each message per socket; here a room's message is framed once for all.
 */
export function textFrame(payload: Buffer): Buffer {
  const { length } = payload;
  const headerLength = length < LENGTH_16 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame[0] = FIN_AND_TEXT;
  if (headerLength === 2) frame[1] = length;
  else if (headerLength === 4) {
    frame[1] = LENGTH_16;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = LENGTH_64;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  payload.copy(frame, headerLength);
  return frame;
}

/** Yields the payloads of frames that `textFrame` made, in order, as views of `frames`. */
export function* payloadsOf(frames: Buffer): Generator<Buffer, void, undefined> {
  let at = 0;
  while (at < frames.length) {
    const { start, end } = payloadAt(frames, at);
    yield frames.subarray(start, end);
    at = end;
  }
}

function payloadAt(frames: Buffer, at: number): { readonly start: number; readonly end: number } {
  const short = frames.readUInt8(at + 1);
  if (short === LENGTH_16) return { start: at + 4, end: at + 4 + frames.readUInt16BE(at + 2) };
  if (short === LENGTH_64) return { start: at + 10, end: at + 10 + Number(frames.readBigUInt64BE(at + 2)) };
  return { start: at + 2, end: at + 2 + short };
}
