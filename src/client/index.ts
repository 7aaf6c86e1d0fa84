/** What `dynochat/client` exports: the client, and every type that its interface names. */
export type { ErrorCode, ErrorFrame, MessageFrame, NoticeFrame, Person, StatusFrame } from "../protocol.ts";
export { ChatClient, type ChatClientEvents, type ChatClientOptions } from "./client.ts";
export type { ConnectionState, FatalCause, WaitCause } from "./connection.ts";
export type { GetToken } from "./greeting.ts";
export type { OlderOutcome } from "./older-pages.ts";
export { type Outgoing, type SendDoubt, type SendProblem, SendRefused } from "./outgoing.ts";
export type { People } from "./people.ts";
export {
  type Cancel,
  type ClientSocket,
  type Clock,
  MemoryTokenStore,
  type OpenSocket,
  openStandardSocket,
  type Random,
  type SocketListener,
  systemClock,
  type TokenStore,
} from "./ports.ts";
export type { Room, RoomEvents } from "./room.ts";
export type { RoomState } from "./room-state.ts";
export type { SendState } from "./send-state.ts";
export type { Message } from "./timeline.ts";
