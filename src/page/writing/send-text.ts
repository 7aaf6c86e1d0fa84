import type { SendDoubt, SendProblem } from "../../client/room/outgoing.ts";

const DOUBTS: Readonly<Record<SendDoubt, string>> = {
  "in-doubt": "It is not known whether this arrived. Send it again?",
  "too-old": "This was written a while ago. Send it?",
  "too-big": "The server does not accept a message of this size.",
};

/** Returns the text below a failed message, before its buttons. */
export function failureText(error: string | undefined): string {
  if (error === undefined) return "Not sent.";
  return `Not sent. ${new Map(Object.entries(DOUBTS)).get(error) ?? error}`;
}

export interface SendLimits {
  /** Code points. */
  readonly textLength: number;
  /** Why the server refused the room; undefined if it did not. */
  readonly refusal: string | undefined;
}

/** Returns the sentence that says why a text was not accepted. */
export function refusalText(problem: SendProblem, { textLength, refusal }: SendLimits): string {
  switch (problem) {
    case "text-empty":
      return "There is nothing to send.";
    case "text-too-long":
      return `A message has at most ${textLength} characters.`;
    case "queue-full":
      return "Too many messages are waiting already.";
    case "room-refused":
      return refusal ?? "This room accepts no messages.";
  }
}
