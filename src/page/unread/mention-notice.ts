import type { Room } from "../../client/room/room.ts";
import type { Message } from "../../client/room/timeline.ts";
import type { Person } from "../../protocol/frames.ts";
import { compareIds } from "../../protocol/ids.ts";
import { ownHandle } from "../user/own-handle.ts";
import { mentions } from "./mention.ts";
import type { ReadMarks } from "./reading.ts";

/** Milliseconds for which another tab may show the message first, so that no notification is needed. */
const PATIENCE_MS = 400;
/** UTF-16 code units of a text that a notification shows at most. */
const TEXT_LENGTH = 200;

export interface MentionNoticePorts {
  readonly readState: ReadMarks;
  readonly self: () => Person | undefined;
  readonly open: (room: string) => void;
}

/**
 * Returns whether this browser lets a page show notifications, given the permission. Browsers on phones have
 * the interface, ask for the permission and then throw: there only a service worker may show one. The
 * notification that is tried here is not shown, because there is no permission yet.
 */
function canNotify(): boolean {
  if (!isSecureContext) return false;
  try {
    new Notification("").close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Shows a desktop notification when the user is mentioned and does not look, if the user has allowed that.
 */
export class MentionNotice {
  readonly #ports: MentionNoticePorts;

  constructor(ports: MentionNoticePorts) {
    this.#ports = ports;
  }

  /** Shows the button that asks for the permission, until it is granted or denied. */
  offer(ask: HTMLButtonElement): void {
    if (!("Notification" in window) || Notification.permission !== "default" || !canNotify()) return;
    const show = () => {
      ask.hidden = Notification.permission !== "default";
    };
    show();
    ask.addEventListener("click", () => void Notification.requestPermission().then(show, show));
    // It may also be granted or denied in another tab or in the browser's settings; older browsers do not
    // tell.
    navigator.permissions?.query({ name: "notifications" }).then(
      (status) => status.addEventListener("change", show),
      () => undefined,
    );
  }

  watch(room: Room): void {
    room.on("added", ({ messages }) => {
      const self = this.#ports.self();
      if (self === undefined || !("Notification" in window) || Notification.permission !== "granted") return;
      const name = ownHandle(room, self.id, self.handle);
      const mention = messages.findLast(({ user, text }) => user !== self.id && mentions(text, name));
      if (mention !== undefined) setTimeout(() => this.#show(room.name, mention), PATIENCE_MS);
    });
  }

  #show(room: string, { id, handle, text }: Message): void {
    const read = this.#ports.readState.of(room);
    if (read !== undefined && compareIds(id, read) <= 0) return;
    try {
      // All tabs give it the same tag, so that a later one silently replaces the one before.
      const notice = new Notification(`${handle} in #${room}`, {
        body: text.slice(0, TEXT_LENGTH),
        tag: `${room} ${id}`,
      });
      notice.addEventListener("click", () => {
        focus();
        this.#ports.open(room);
        notice.close();
      });
    } catch {
      // A phone on which the permission was granted before: see canNotify.
    }
  }
}
