/** The exports of `dynochat/client`: the client, and every type in its interface. */
export type { ErrorCode } from "../protocol/codes.ts";
export type { ErrorFrame, MessageFrame, NoticeFrame, Person, StatusFrame } from "../protocol/frames.ts";
export type { Right } from "../protocol/rights.ts";
export { ChatClient, type ChatClientEvents, type ChatClientOptions } from "./client.ts";
export type { ConnectionState, FatalCause, WaitCause } from "./connection/connection.ts";
export type { GetToken } from "./connection/greeting.ts";
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
export type { OlderOutcome } from "./room/older-pages.ts";
export { type Outgoing, type SendDoubt, type SendProblem, SendRefused } from "./room/outgoing.ts";
export type { People } from "./room/people.ts";
export type { Room, RoomEvents } from "./room/room.ts";
export type { RoomState } from "./room/room-state.ts";
export type { SendState } from "./room/send-state.ts";
export type { Message } from "./room/timeline.ts";
