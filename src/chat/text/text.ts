import { trimText } from "../../protocol/text.ts";
import { failure, type Result, success } from "../result.ts";
import { showsNothing } from "./characters.ts";

/** C0 and C1 control characters except tab and newline. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * Returns a text as it is stored: without control characters except tab and newline, with lone surrogates
 * replaced, and trimmed by `trimText`. Fails with `text-empty` if nothing of it is visible, or with
 * `text-too-long`.
 * @param maxLength in code points.
 */
export function readText(given: string, maxLength: number): Result<string> {
  const text = trimText(given.replace(/\r\n?/g, "\n").replace(CONTROL, "").toWellFormed());
  if (showsNothing(text)) return failure({ code: "text-empty", message: "The text is empty." });
  if (!isLonger(text, maxLength)) return success(text);
  return failure({ code: "text-too-long", message: `The text is longer than ${maxLength} characters.` });
}

function isLonger(text: string, maxLength: number): boolean {
  // A code point is one or two UTF-16 units: most texts need no counting.
  if (text.length <= maxLength) return false;
  if (text.length > 2 * maxLength) return true;
  let count = 0;
  for (const _ of text) count++;
  return count > maxLength;
}
