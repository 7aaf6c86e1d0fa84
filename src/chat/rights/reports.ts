import type { Logger } from "../../logging/logger.ts";
import { includes } from "../../protocol/rights.ts";
import { type MessageReport, OPEN_REPORTS, type ReportOutcome } from "../../store/message-reports.ts";
import type { MessageStore } from "../../store/store.ts";
import { type Counters, countOne } from "../counters.ts";
import { notStored, STORE_AWAY, tooFast } from "../errors.ts";
import type { Identity } from "../identity.ts";
import { RateLimiter } from "../limits/rate.ts";
import { type ErrorReply, failure, type Result, success } from "../result.ts";
import { objectOf } from "../room/checked-entry.ts";
import type { RoomQueries } from "../room/queries.ts";
import { readText } from "../text/text.ts";
import { REASON_LENGTH } from "./moderation.ts";
import type { Rights } from "./rights.ts";
import { refusalOf, type Visitor } from "./visitor.ts";

/** Reports of one user, and of all guests of one network together: ten and thirty per minute. */
const RATES = {
  users: { perSecond: 10 / 60, burst: 10 },
  networks: { perSecond: 30 / 60, burst: 30 },
} as const;

/** Code points of a message that a report keeps: a thousand reports must fit into a small store. */
const KEPT_LENGTH = 500;

/** Pause before a user tries again who has too many reports that nobody has dismissed, ms: an hour. */
const DISMISSED_MS = 3_600_000;

/** Reports of one answer. */
export const REPORTS_LISTED = 50;

/** Reports that are read from the store at once. */
const READ_AT_ONCE = 100;

const REPORT_ID = /^\d{1,16}$/;

/** A user who reports a message. */
export interface MessageReporter extends Visitor {
  readonly identity: Identity;
  /** The handle by which the room knows the user. */
  readonly handle: string;
}

/** A message that is reported. */
export interface ReportRequest {
  /** The id of the message. */
  readonly id: string;
  /** For operators. */
  readonly reason?: string | undefined;
}

/** A report that is stored; `duplicate`: the user had made it before. */
export interface Reported {
  readonly id: string;
  readonly duplicate: boolean;
}

/** A user who reads and dismisses reports. */
export type ReportReader = Pick<MessageReporter, "identity" | "network">;

/** The reports that are asked for. */
export interface ReportQuery {
  /** The id of a report: only those made before it. */
  readonly before?: string | undefined;
  /** Only those of this room. */
  readonly room?: string | undefined;
}

/** A page of reports, the newest first. */
export interface ReportPage {
  readonly reports: readonly MessageReport[];
  readonly more: boolean;
}

const NO_REPORT = failure({ code: "not-found", message: "There is no such report." } as const);

const NAME_A_ROOM = failure({
  code: "bad-request",
  message: "Ask for the reports of one room: the app that embeds the chat decides what you may do there.",
} as const);

const ADDRESS_TOO_FAST = "The guests of your address report faster than this chat allows; try again later.";

const TOO_MANY: Readonly<Record<keyof typeof OPEN_REPORTS, string>> = {
  user: `You have made ${OPEN_REPORTS.user} reports that nobody has dismissed yet; try again later.`,
  network: `The guests of your address have made ${OPEN_REPORTS.network} reports that nobody has dismissed yet; try again later.`,
};

/**
 * Reports of messages: users who may read a room make them, users who may moderate it read and dismiss them.
 */
export class Reports {
  readonly #store: MessageStore;
  readonly #queries: RoomQueries;
  readonly #rights: Rights;
  readonly #counters: Counters;
  readonly #logger: Logger;
  readonly #users = new RateLimiter(RATES.users.perSecond, RATES.users.burst);
  readonly #networks = new RateLimiter(RATES.networks.perSecond, RATES.networks.burst);

  constructor(store: MessageStore, queries: RoomQueries, rights: Rights, counters: Counters, logger: Logger) {
    this.#store = store;
    this.#queries = queries;
    this.#rights = rights;
    this.#counters = counters;
    this.#logger = logger;
  }

  /**
   * Stores a report of a message. The same user's report of the same message again stores nothing new. Fails
   * with `text-empty`, `text-too-long`, `rate-limited`, `not-found`, `storage-full` and `unavailable`.
   * Rejects with StoreUnavailable, and with Forbidden if the user may not read the room.
   */
  async report(reporter: MessageReporter, room: string, request: ReportRequest): Promise<Result<Reported>> {
    const reason = request.reason === undefined ? undefined : readText(request.reason, REASON_LENGTH);
    if (reason?.ok === false) return reason;
    const refused = this.#refusal(reporter, performance.now());
    if (refused !== undefined) return failure(refused);
    const message = await this.#messageOf(reporter, room, request.id);
    if (!message.ok) return message;
    const { identity, handle, network } = reporter;
    const by = { user: identity.user, handle, kind: identity.kind };
    const report = { room, message: request.id, ...message.value, by, reason: reason?.value };
    const added = await this.#store.addReport(report, by.kind === "guest" ? network : undefined);
    if (added.outcome === "duplicate") return success({ id: added.id, duplicate: true });
    if (added.outcome !== "stored") return failure(this.#notAdded(added, room));
    const { user } = message.value;
    const fields = { event: "report", report: added.id, room, message: request.id, user, by: by.user };
    this.#logger.info(fields, "a message was reported");
    return success({ id: added.id, duplicate: false });
  }

  /**
   * Returns reports of rooms that the user may moderate. A user of whom the embedding app decides must name
   * the room, or one request would ask the app about every room that has reports. Fails with `forbidden` if
   * the user may not moderate the room that is named, `bad-request` and `unavailable`. Rejects with
   * StoreUnavailable.
   */
  async list(reader: ReportReader, { before, room }: ReportQuery): Promise<Result<ReportPage>> {
    const moderated = new Map<string, boolean>();
    if (room !== undefined) {
      const allowed = await this.#mayModerate(reader, room);
      if (!allowed.ok) return allowed;
      if (!allowed.value) return failure(refusalOf("read", "moderate", room));
      moderated.set(room, true);
    }
    const found: MessageReport[] = [];
    let cursor = before;
    while (found.length <= REPORTS_LISTED) {
      const read = await this.#store.messageReports(cursor, READ_AT_ONCE);
      if (read.length === 0) break;
      cursor = read.at(-1)?.id;
      const rooms = new Set(read.map((report) => report.room));
      const unknown = room === undefined ? [...rooms].filter((each) => !moderated.has(each)) : [];
      if (unknown.some((each) => this.#rights.known(reader.identity, each) === undefined)) return NAME_A_ROOM;
      const verdicts = await Promise.all(unknown.map((each) => this.#mayModerate(reader, each)));
      for (const [index, each] of unknown.entries()) {
        const verdict = verdicts[index];
        if (verdict?.ok === false) return verdict;
        moderated.set(each, verdict?.value === true);
      }
      found.push(...read.filter((report) => moderated.get(report.room) === true));
    }
    return success({ reports: found.slice(0, REPORTS_LISTED), more: found.length > REPORTS_LISTED });
  }

  /**
   * Removes a report. Fails with `not-found` if there is none, or if the user may not moderate its room, and
   * with `unavailable`. Rejects with StoreUnavailable.
   */
  async dismiss(reader: ReportReader, id: string): Promise<Result<MessageReport>> {
    const report = REPORT_ID.test(id) ? await this.#store.messageReport(id) : undefined;
    if (report === undefined) return NO_REPORT;
    const allowed = await this.#mayModerate(reader, report.room);
    if (!allowed.ok) return allowed;
    if (!allowed.value || !(await this.#store.dismissReport(id))) return NO_REPORT;
    const { room, message, user } = report;
    const by = reader.identity.user;
    const fields = { event: "report-dismissed", report: id, room, message, user, by };
    this.#logger.info(fields, "a report was dismissed");
    return success(report);
  }

  /** Forgets users and networks that have reported nothing for a while; to be called regularly. */
  sweep(now: number): void {
    this.#users.sweep(now);
    this.#networks.sweep(now);
  }

  /** Returns why a user's report is refused without a look at the message; undefined if it is not. */
  #refusal({ identity, network }: MessageReporter, now: number): ErrorReply | undefined {
    const userMs = this.#users.take(identity.user, now);
    const networkMs = userMs > 0 || identity.kind !== "guest" ? 0 : this.#networks.take(network, now);
    if (userMs === 0 && networkMs === 0) return undefined;
    countOne(this.#counters.limited, "reports");
    return userMs > 0 ? tooFast(userMs) : { ...tooFast(networkMs), message: ADDRESS_TOO_FAST };
  }

  /** Reads what a report keeps of a message. */
  async #messageOf(
    reporter: MessageReporter,
    room: string,
    id: string,
  ): Promise<Result<Pick<MessageReport, "user" | "handle" | "text">>> {
    const entry = await this.#queries.entry(room, reporter, id);
    const { type, user, handle, text } = (entry && objectOf(entry.frame)) ?? {};
    if (
      type !== "message" ||
      typeof user !== "string" ||
      typeof handle !== "string" ||
      typeof text !== "string"
    )
      return failure({ code: "not-found", message: `There is no such message in ${room}.` });
    return success({ user, handle, text: cut(text) });
  }

  #notAdded(added: Exclude<ReportOutcome, { readonly id: string }>, room: string): ErrorReply {
    if (added.outcome === "unavailable") return STORE_AWAY;
    if (added.outcome === "storage-full") return notStored(added, room);
    countOne(this.#counters.limited, "reports");
    return { code: "rate-limited", message: TOO_MANY[added.of], retryAfterMs: DISMISSED_MS };
  }

  async #mayModerate({ identity, network }: ReportReader, room: string): Promise<Result<boolean>> {
    const found = await this.#rights.find(identity, room);
    if (!found.ok) return found;
    const { right: base } = found.value;
    if (!includes(base, "moderate")) return success(false);
    const right = await this.#queries.rightIn(room, { identity, base, network });
    return success(includes(right, "moderate"));
  }
}

/** Returns a text, cut to `KEPT_LENGTH` code points. */
function cut(text: string): string {
  const points = Array.from(text);
  return points.length <= KEPT_LENGTH ? text : `${points.slice(0, KEPT_LENGTH).join("")}…`;
}
