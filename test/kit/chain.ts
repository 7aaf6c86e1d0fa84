import { expect } from "vitest";

interface Linked {
  readonly id: string;
  readonly prev: string;
}

/**
 * What a client was shown of a room must be one chain: every message names the one before it. So nothing is
 * missing, doubled or out of order between the first and the last.
 */
export function expectUnbroken(messages: readonly Linked[], who = "a client"): void {
  const breaks = messages
    .map((message, index) => ({
      at: index,
      id: message.id,
      prev: message.prev,
      before: messages[index - 1]?.id,
    }))
    .filter(({ at, prev, before }) => at > 0 && prev !== before);
  expect(breaks, `breaks in the chain that ${who} got`).toEqual([]);
  expect(new Set(messages.map(({ id }) => id)).size, `ids that ${who} got, each once`).toBe(messages.length);
}
