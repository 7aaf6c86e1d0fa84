import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import { looksLikeEntry } from "../../entry.ts";
import { claimedId } from "./publications.ts";
import type { Signing } from "./signing.ts";
import type { Subscription, Subscriptions } from "./subscriptions.ts";

/** What arrives on the channels of rooms: verifies entries, and passes everything on to its room. */
export class Incoming {
  readonly #subscriptions: Subscriptions;
  readonly #signing: Signing;
  readonly #throttled: ThrottledLogger;

  constructor(subscriptions: Subscriptions, signing: Signing, throttled: ThrottledLogger) {
    this.#subscriptions = subscriptions;
    this.#signing = signing;
    this.#throttled = throttled;
  }

  /** Handles a publication; one of a channel that is not subscribed any more is dropped. */
  onData(channel: Buffer, payload: Buffer): void {
    const subscription = this.#subscriptions.of(channel);
    if (subscription === undefined) return;
    if (!looksLikeEntry(payload)) subscription.subscriber.onPublication(payload);
    else this.#onEntry(subscription, payload);
  }

  #onEntry({ room, subscriber }: Subscription, payload: Buffer): void {
    const frame = this.#signing.publications.verify(payload);
    if (frame !== undefined) {
      subscriber.onPublication(frame);
      return;
    }
    const change = this.#signing.publications.verifyAccess(payload);
    if (change !== undefined) {
      subscriber.onPublication(change.frame, change.access);
      return;
    }
    const fields = { event: "unverified", room };
    this.#throttled.log(
      "warn",
      "unverified publication, reading the store: another client or an older process publishes here",
      fields,
    );
    const id = claimedId(payload);
    if (id !== undefined) subscriber.onUnverified(id);
  }
}
