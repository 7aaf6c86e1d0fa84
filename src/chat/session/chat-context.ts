import type { Logger } from "../../logging/logger.ts";
import type { Counters } from "../counters.ts";
import type { Guests } from "../guests.ts";
import type { SiteTokens } from "../identity.ts";
import type { AnswerBudgets } from "../limits/answer-budget.ts";
import type { RequestBudgets } from "../limits/request-budget.ts";
import type { Publisher } from "../publisher.ts";
import type { RoomQueries } from "../room/queries.ts";
import type { Rooms } from "../room/rooms.ts";
import type { Session } from "./session.ts";
import type { WaitingBytes } from "./v1/request-queue.ts";

/** The settings that the core keeps to. */
export interface ChatOptions {
  /** Code points. */
  readonly maxTextLength: number;
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /** Guests of one address, over all rooms; 0 = no limit. */
  readonly addressMessagesPerSecond: number;
  readonly maxRoomsPerConnection: number;
  /** Rooms that connections of one address may have open in this process; 0 = no limit. */
  readonly maxRoomsPerAddress: number;
  readonly requestsPerSecond: number;
  readonly addressRequestsPerSecond: number;
  readonly batchWindowMs: number;
  /** A line that a new client gets; undefined = none. */
  readonly greeting: string | undefined;
  /** Signs guests' tokens; undefined = one that all processes share through the store. */
  readonly secret: readonly string[] | undefined;
}

/** What sessions find in the chat they belong to. */
export interface ChatContext {
  readonly options: ChatOptions;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly rooms: Rooms;
  readonly answers: AnswerBudgets;
  readonly requests: RequestBudgets;
  /** Of requests that wait to be answered. */
  readonly waiting: WaitingBytes;
  readonly publisher: Publisher;
  readonly queries: RoomQueries;
  readonly guests: Guests;
  /** The embedding site's tokens, where it has any. */
  readonly siteTokens: SiteTokens | undefined;
  /** Tells a session what every new client is told: the greeting, and what does not work now. */
  newcomer(session: Session): void;
}
