import type { Room } from "../../client/room/room.ts";
import type { Message } from "../../client/room/timeline.ts";
import type { Person } from "../../protocol/frames.ts";
import { compareIds } from "../../protocol/ids.ts";
import { ownHandle } from "../user/own-handle.ts";
import { mentions } from "./mention.ts";
import type { ReadMarks } from "./reading.ts";

/** Milliseconds in which another tab may show the message, which makes a notification needless. */
const PATIENCE_MS = 400;
/** UTF-16 code units of a text that a notification shows. */
const TEXT_LENGTH = 200;

export interface MentionNoticePorts {
  readonly readState: ReadMarks;
  readonly self: () => Person | undefined;
  readonly open: (room: string) => void;
}

/**
 * Whether a page can show a notification here once it may. Browsers on phones have the interface, ask for the permission and
 * then throw: there only a service worker may show one. Without a permission the one that is tried here is not shown.
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

/** Notifications of the desktop, where one was mentioned and does not look, and only where that was allowed. */
export class MentionNotice {
  readonly #ports: MentionNoticePorts;

  constructor(ports: MentionNoticePorts) {
    this.#ports = ports;
  }

  /** Shows the button that asks for permission, as long as there is something to ask. */
  offer(ask: HTMLButtonElement): void {
    if (!("Notification" in window) || Notification.permission !== "default" || !canNotify()) return;
    const show = () => {
      ask.hidden = Notification.permission !== "default";
    };
    show();
    ask.addEventListener("click", () => void Notification.requestPermission().then(show, show));
    // It may also be given or refused in another tab or in the settings of the browser; older ones do not tell.
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
      // All tabs give it the same tag: whichever comes later takes the place of the one before, without a sound.
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
      // A phone where the permission was given before: see canNotify.
    }
  }
}
