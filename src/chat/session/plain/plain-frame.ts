import type { ErrorCode } from "../../../protocol/codes.ts";
import { failure, type Result, success } from "../../result.ts";
import { objectOf } from "../../room/checked-entry.ts";
import { readHandle } from "../../text/handle.ts";
import { readText } from "../../text/text.ts";

/** A message of a plain client: a text, and perhaps a handle. */
export interface PlainMessage {
  readonly handle: string | undefined;
  readonly text: string;
}

/**
 * Reads one frame of a plain client: `{"handle","text"}` or `{"username","text"}`; other keys are ignored.
 * Fails with the error that the client is told.
 * @param frame undefined = a binary frame.
 * @param maxTextLength in code points.
 */
export function readPlainFrame(frame: string | undefined, maxTextLength: number): Result<PlainMessage> {
  const value = frame === undefined ? undefined : objectOf(frame);
  if (value === undefined) {
    return refused(
      "bad-frame",
      'A frame must be one JSON object in a text frame, such as {"handle":"Ann","text":"hi"}.',
    );
  }
  const given = value["handle"] ?? value["username"] ?? "";
  if (typeof given !== "string") return refused("bad-request", "The handle must be a string.");
  if (typeof value["text"] !== "string") return refused("bad-request", "The frame needs a text: a string.");
  const handle = readHandle(given);
  if (!handle.ok) return handle;
  const read = readText(value["text"], maxTextLength);
  return read.ok ? success({ handle: handle.value, text: read.value }) : read;
}

function refused(code: ErrorCode, message: string): Result<never> {
  return failure({ code, message });
}
