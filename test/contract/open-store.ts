import type { AccessChange } from "../../src/store/access.ts";
import type { NewReport } from "../../src/store/message-reports.ts";
import { TIMEOUTS, type Timeouts } from "../../src/store/redis/timeouts.ts";
import type {
  Append,
  MessageStore,
  RoomSubscriber,
  StoreLimits,
  StoreListener,
  StoreState,
  StoreStatus,
} from "../../src/store/store.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

export interface Received {
  readonly room: string;
  readonly payload: Buffer;
  /** The change of an access entry. */
  readonly access?: AccessChange | undefined;
}

/** A listener that keeps what it was told. */
export class RecordingListener implements StoreListener {
  readonly deliveries: Received[] = [];
  readonly unverifieds: { readonly room: string; readonly id: string }[] = [];
  readonly statuses: StoreStatus[] = [];
  catchUps = 0;
  /** What `catchUp` does besides being counted. */
  whenCatchingUp: () => Promise<void> = async () => {};

  /** Returns the subscriber of one room, whose publications are kept here. */
  subscriberOf(room: string): RoomSubscriber {
    return {
      onPublication: (payload, access) => this.deliveries.push({ room, payload, access }),
      onUnverified: (id) => this.unverifieds.push({ room, id }),
    };
  }

  async catchUp(): Promise<void> {
    this.catchUps += 1;
    await this.whenCatchingUp();
  }

  statusChanged(status: StoreStatus): void {
    this.statuses.push(status);
  }

  /** Payloads of a room, as text, in the order of arrival. */
  texts(room: string): string[] {
    return this.deliveries
      .filter((delivery) => delivery.room === room)
      .map(({ payload }) => payload.toString());
  }

  /** The states, oldest first. */
  get states(): StoreState[] {
    return this.statuses.map(({ state }) => state);
  }
}

/** The listener that each store was started with. */
const LISTENERS = new WeakMap<MessageStore, RecordingListener>();

/** Subscribes a room; what is published there is kept by the listener that the store was started with. */
export function subscribe(store: MessageStore, room: string): Promise<void> {
  const listener = LISTENERS.get(store) ?? new RecordingListener();
  return store.subscribe(room, listener.subscriberOf(room));
}

/** Starts a store and waits until it is live. */
export async function begin(
  store: MessageStore,
  listener = new RecordingListener(),
): Promise<RecordingListener> {
  LISTENERS.set(store, listener);
  store.start(listener);
  await waitFor(() => store.status.state === "live", "the store is live");
  return listener;
}

/**
 * Patient enough for a machine that stands still for seconds, where the program gives Redis up: only a test that is about one
 * of these times has it as it is.
 */
export const PATIENT: Timeouts = {
  ...TIMEOUTS,
  commandMs: 15_000,
  connectMs: 15_000,
  storeWithinMs: 14_000,
  ackMs: 18_000,
  inStepMs: 16_000,
  behindMs: 16_000,
  probeMs: 15_000,
  closeMs: 10_000,
};

/** For a test that counts keys or commands. */
export const NO_HOUSEKEEPING = { trimMs: 3_600_000, memoryMs: 3_600_000, noteRoomsMs: 3_600_000 };

/** Roomy enough not to matter to a test that is about something else. */
export const ROOMY: StoreLimits = {
  historyMessages: 10_000,
  historyDays: 30,
  historyBytes: 10 * 1024 * 1024,
  messagesPerSecond: 0,
  messageBurst: 10,
  addressMessagesPerSecond: 0,
  roomGuestMessagesPerSecond: 0,
};

export const ALL = { entries: 100_000, bytes: 1024 * 1024 * 1024 };

/** The body of a message, as a sender makes it. */
export function bodyOf(text: string): string {
  return `"type":"message",${JSON.stringify({ room: "lobby", text }).slice(1)}`;
}

/** A message to store; by default one of ann's in the lobby without a key. */
export function message(text: string, rest: Partial<Append> = {}): Append {
  return { room: "lobby", user: "ann", key: undefined, body: bodyOf(text), ...rest };
}

/** Stores a message and gives its id; throws if it was not stored. */
export async function storeMessage(
  store: MessageStore,
  text: string,
  rest: Partial<Append> = {},
): Promise<string> {
  const appended = await store.append(message(text, rest));
  if (appended.outcome !== "stored") throw new Error(`not stored but ${appended.outcome}: ${text}`);
  return appended.id;
}

/** The texts of a room's stream, oldest first. */
export async function textsOf(store: MessageStore, room = "lobby"): Promise<string[]> {
  const entries = await store.readFrom(room, "0-0", ALL);
  return entries.map(({ frame }) => JSON.parse(frame.toString()).text);
}

/** A change of an access rule; by default a moderator shuts ann out of the lobby for good. */
export function change(rest: Partial<AccessChange> = {}): AccessChange {
  return {
    subject: "ann",
    right: "none",
    until: undefined,
    by: "moderator",
    bindsModerators: false,
    reason: undefined,
    ...rest,
  };
}

/** A report of a message; by default ben, a user of the site, reports one of ann's in the lobby. */
export function newReport(rest: Partial<NewReport> = {}): NewReport {
  return {
    room: "lobby",
    message: "1795257593307-41",
    user: "ann",
    handle: "Ann",
    text: 'says {"so"}\n<b>twice</b>',
    by: { user: "ben", handle: "Ben", kind: "site" },
    reason: undefined,
    ...rest,
  };
}
