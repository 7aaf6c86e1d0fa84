/** The limits whose refusals are counted (`Counters.limited`), and what each bounds. */
export const LIMIT_NAMES = {
  "user-messages": "messages of one person",
  typing: "signals of people who type",
  "message-parts": "messages sent in too many pieces",
  "message-time": "messages that took too long to arrive",
} as const satisfies Record<string, string>;

export type LimitName = keyof typeof LIMIT_NAMES;
