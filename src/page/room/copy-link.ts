import { roomLink } from "./places.ts";

/** Milliseconds for which the button says that the link was copied. */
const THANKS_MS = 2_000;

/** Copies the link of the room that is shown; hidden where the browser has no clipboard. */
export function offerCopyLink(copy: HTMLButtonElement, room: () => string): void {
  // Defined in secure contexts only, whatever the types say.
  if (!("clipboard" in navigator)) return;
  copy.hidden = false;
  copy.addEventListener("click", () => {
    const link = new URL(roomLink(room()), location.href).href;
    navigator.clipboard.writeText(link).then(
      () => say(copy, "Link copied"),
      () => say(copy, "Not copied"),
    );
  });
}

function say(copy: HTMLButtonElement, text: string): void {
  copy.textContent = text;
  setTimeout(() => {
    copy.textContent = "Copy link";
  }, THANKS_MS);
}
