/** The limits whose refusals are counted (`Counters.limited`), and what each bounds. */
export const LIMIT_NAMES = {
  answers: "requests whose answer found too many others unread",
  "user-messages": "messages of one user in a room, and of one guest over all rooms",
  "user-all-messages": "messages of one user of the site, or of one program, over all rooms",
  "address-messages": "messages of the guests of one address",
  "room-messages": "messages of the guests of one room",
  reports: "reports of messages by one person, or by the guests of one address",
  typing: "signals of people who type",
  requests:
    "times that a connection was read no further because it, its address or its user had asked too much",
  "message-parts": "messages sent in too many pieces",
  "message-time": "messages that took too long to arrive",
  connections: "sockets and event streams of the process",
  "address-connections": "sockets and event streams of one address",
  "user-connections": "sockets and event streams of one user of the site, or of one program",
  "user-refusals":
    "connections of one user of the site that were closed or refused because the user was refused too often on all of them",
  "address-connects": "sockets and event streams that one address opens per second",
  tcp: "TCP connections of the process: new ones that were refused, idle ones that were closed for them",
  "address-tcp": "TCP connections of one address",
  "http-requests":
    "requests below `/api` that one address, user of the site or program sends, by what they cost",
  "page-requests": "requests for the page, `/status` and `/metrics` that one address sends per second",
  "address-requests": "HTTP requests of one address at a time",
  "pipelined-requests": "HTTP requests of one connection at a time",
  "request-time": "requests that took too long to arrive, and connections that sent none",
  "answer-time": "answers that were not read in time",
  "new-rooms": "new rooms of one address's guests",
  "new-writers": "first messages in a room of one address's guests",
  "address-bytes": "bytes of one address's guests",
  "user-new-rooms": "new rooms of one user of the site, or of one program",
  "user-bytes": "bytes of one user of the site, or of one program",
  "memory-rooms": "new rooms when the store is nearly full",
  "memory-writers": "first messages in a room of guests when the store is nearly full",
  "address-rooms": "rooms that connections of one address have open",
  "user-rooms": "rooms that connections of one user of the site, or of one program, have open",
  "wrong-keys": "wrong API keys of one address; what is counted are the attempts after them",
} as const satisfies Record<string, string>;

export type LimitName = keyof typeof LIMIT_NAMES;
