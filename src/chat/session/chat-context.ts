import type { Logger } from "../../logging/logger.ts";
import type { Counters } from "../counters.ts";
import type { Guests } from "../guests.ts";
import type { SiteTokens } from "../identity.ts";
import type { Accounts } from "../limits/accounts.ts";
import type { AnswerBudgets } from "../limits/answer-budget.ts";
import type { RequestBudgets } from "../limits/request-budget.ts";
import type { Publisher } from "../publisher.ts";
import type { GlobalRules } from "../rights/global-rules.ts";
import type { Moderation } from "../rights/moderation.ts";
import type { Reports } from "../rights/reports.ts";
import type { RightSettings, Rights } from "../rights/rights.ts";
import type { RoomQueries } from "../room/queries.ts";
import type { Rooms } from "../room/rooms.ts";
import type { Session } from "./session.ts";
import type { WaitingBytes } from "./v1/request-queue.ts";

/** The settings of the core. */
export interface ChatOptions extends RightSettings {
  /** Code points. */
  readonly maxTextLength: number;
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /** Messages per second of the guests of one address, over all rooms; 0 = no limit. */
  readonly addressMessagesPerSecond: number;
  readonly maxRoomsPerConnection: number;
  /** Rooms that connections of one address may have open in this process; 0 = no limit. */
  readonly maxRoomsPerAddress: number;
  /** Rooms that connections of one user of the site may have open in this process; 0 = no limit. */
  readonly maxRoomsPerUser: number;
  /** Sockets and event streams of one user of the site in this process; 0 = no limit. */
  readonly maxConnectionsPerUser: number;
  /** How many times as much as one user of the site one program may do. */
  readonly programFactor: number;
  readonly requestsPerSecond: number;
  readonly addressRequestsPerSecond: number;
  readonly batchWindowMs: number;
  /** A notice for every new client; undefined = none. */
  readonly greeting: string | undefined;
  /**
   * Secrets that sign guests' tokens, the first, and verify them, all; undefined = one shared through the
   * store.
   */
  readonly secret: readonly string[] | undefined;
}

/** The chat, as its sessions see it. */
export interface ChatContext {
  readonly options: ChatOptions;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly rooms: Rooms;
  readonly answers: AnswerBudgets;
  readonly requests: RequestBudgets;
  readonly accounts: Accounts;
  /** Bytes of requests that wait to be answered. */
  readonly waiting: WaitingBytes;
  readonly publisher: Publisher;
  readonly queries: RoomQueries;
  readonly guests: Guests;
  /** Checks the embedding site's tokens; undefined if it has none. */
  readonly siteTokens: SiteTokens | undefined;
  readonly globalRules: GlobalRules;
  readonly rights: Rights;
  readonly moderation: Moderation;
  readonly reports: Reports;
  /**
   * Sends a session what every new client gets: notices, the greeting, and the status if the store is away.
   */
  sendGreeting(session: Session): void;
}
