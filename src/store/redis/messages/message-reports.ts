import type { Redis } from "ioredis";
import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import {
  decodeReport,
  encodeReport,
  type MessageReport,
  type NewReport,
  REPORT_MS,
  type ReportOutcome,
} from "../../message-reports.ts";
import { classify } from "../errors.ts";
import type { Keys } from "../keys.ts";
import { DISMISS_REPORT, REPORT } from "../node/scripts.ts";
import type { ServerClock } from "../node/server-clock.ts";
import type { NetworkDigests } from "./network-digests.ts";

/** Keeps the reports of messages. All calls reject with Redis's error. */
export class MessageReports {
  readonly #networks: NetworkDigests;
  readonly #clock: ServerClock;
  readonly #throttled: ThrottledLogger;
  readonly #reports: string;
  readonly #order: string;
  readonly #guests: string;

  constructor(keys: Keys, networks: NetworkDigests, clock: ServerClock, throttled: ThrottledLogger) {
    this.#networks = networks;
    this.#clock = clock;
    this.#throttled = throttled;
    this.#reports = keys.messageReports();
    this.#order = keys.reportOrder();
    this.#guests = keys.guestReports();
  }

  /** As `ReportStore.addReport`. */
  async add(redis: Redis, report: NewReport, network: string | undefined): Promise<ReportOutcome> {
    const digest = network === undefined ? "-" : this.#networks.digest(network);
    const { by, room, message } = report;
    try {
      const args = [by.user, digest, room, message, encodeReport(report)];
      return outcomeOf(await REPORT.run(redis, this.#keys, args));
    } catch (error) {
      if (classify(error) === "storage-full") return { outcome: "storage-full" };
      throw error;
    }
  }

  /** As `ReportStore.messageReports`. */
  async before(redis: Redis, id: string | undefined, count: number): Promise<readonly MessageReport[]> {
    const newest = id === undefined ? "+inf" : `(${id}`;
    const oldest = this.#clock.now() - REPORT_MS;
    const ids = await redis.zrevrangebyscore(this.#order, newest, `(${oldest}`, "LIMIT", 0, count);
    if (ids.length === 0) return [];
    const stored = await redis.hmget(this.#reports, ...ids);
    // Another process may have removed one meanwhile.
    return ids.flatMap((each, index) => this.#reportIn(each, stored[index]) ?? []);
  }

  /** As `ReportStore.messageReport`. */
  async of(redis: Redis, id: string): Promise<MessageReport | undefined> {
    const report = this.#reportIn(id, await redis.hget(this.#reports, id));
    return report !== undefined && report.at > this.#clock.now() - REPORT_MS ? report : undefined;
  }

  /** As `ReportStore.dismissReport`. */
  async dismiss(redis: Redis, id: string): Promise<boolean> {
    return (await DISMISS_REPORT.run(redis, this.#keys, [id])) === 1;
  }

  get #keys(): readonly string[] {
    return [this.#reports, this.#order, this.#guests];
  }

  /**
   * Reads `<ms> <user> <network> <room> <id of the message> <the report as JSON>`, as report.lua writes it.
   */
  #reportIn(id: string, stored: string | null | undefined): MessageReport | undefined {
    if (stored === null || stored === undefined) return undefined;
    const at = Number.parseInt(stored, 10);
    const report = decodeReport(stored.slice(stored.indexOf("{")));
    if (report !== undefined && Number.isSafeInteger(at)) return { ...report, id, at };
    this.#throttled.log("warn", "skipped a report that is none", {});
    return undefined;
  }
}

function outcomeOf(reply: unknown): ReportOutcome {
  const [outcome, value]: readonly unknown[] = Array.isArray(reply) ? reply : [];
  if ((outcome === "stored" || outcome === "duplicate") && typeof value === "string")
    return { outcome, id: value };
  if (outcome === "too-many" && (value === "user" || value === "network")) return { outcome, of: value };
  if (outcome === "storage-full") return { outcome };
  return { outcome: "unavailable" };
}
