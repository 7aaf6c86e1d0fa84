/** The limits whose refusals are counted (`Counters.limited`), and what each bounds. */
export const LIMIT_NAMES = {
  answers: "requests whose answer found too many others unread",
  "user-messages": "messages of one person",
  "address-messages": "messages of the guests of one address",
  "room-messages": "messages of the guests of one room",
  typing: "signals of people who type",
  "message-parts": "messages sent in too many pieces",
  "message-time": "messages that took too long to arrive",
  connections: "sockets and event streams of the process",
  "address-connections": "sockets and event streams of one address",
  "address-connects": "sockets and event streams that one address opens per second",
  tcp: "TCP connections of the process: new ones that were refused, idle ones that were closed for them",
  "address-tcp": "TCP connections of one address",
  "address-requests": "HTTP requests of one address at a time",
  "pipelined-requests": "HTTP requests of one connection at a time",
  "answer-time": "answers that were not read in time",
  "new-rooms": "new rooms of one address's guests",
  "new-writers": "first messages in a room of one address's guests",
  "address-bytes": "bytes of one address's guests",
  "memory-rooms": "new rooms when the store is nearly full",
  "memory-writers": "first messages in a room of guests when the store is nearly full",
  "address-rooms": "rooms that connections of one address have open",
  "wrong-keys": "wrong API keys of one address; what is counted are the attempts after them",
} as const satisfies Record<string, string>;

export type LimitName = keyof typeof LIMIT_NAMES;
