import type { SendDoubt, SendProblem } from "../../client/room/outgoing.ts";

const DOUBTS: Readonly<Record<SendDoubt, string>> = {
  "in-doubt": "It is not known whether this arrived. Send it again?",
  "too-old": "This was written a while ago. Send it?",
  "too-big": "The server does not take a message of this size.",
};

/** What stands below a failed message, before what one can do about it. */
export function failureWords(error: string | undefined): string {
  if (error === undefined) return "Not sent.";
  return `Not sent. ${new Map(Object.entries(DOUBTS)).get(error) ?? error}`;
}

export interface SendLimits {
  /** Code points. */
  readonly textLength: number;
  /** Why the server refused the room. */
  readonly refusal: string | undefined;
}

/** Why a text was not taken. */
export function refusalWords(problem: SendProblem, { textLength, refusal }: SendLimits): string {
  switch (problem) {
    case "text-empty":
      return "There is nothing to send.";
    case "text-too-long":
      return `A message has at most ${textLength} characters.`;
    case "queue-full":
      return "Too many messages wait already.";
    case "room-refused":
      return refusal ?? "This room takes no messages.";
  }
}
