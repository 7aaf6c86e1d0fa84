/**
 * The line above the first message that was not seen. It stays while the room is shown:
 * - `none`: there is none;
 * - `sought`: its place is above the oldest message here, which has to be loaded first;
 * - `new`: it was not looked at yet;
 * - `seen`: it was looked at, and stays where it is until there is something newer to mark.
 */
export type UnreadLine =
  | { readonly name: "none" }
  | { readonly name: "sought" }
  | { readonly name: "new"; readonly id: string; readonly isCut: boolean }
  | { readonly name: "seen"; readonly id: string; readonly isCut: boolean };

export type UnreadLineEvent =
  /** A room is shown. */
  | { readonly name: "enter" }
  /** What is unread is known, or known better. `isCut`: unread messages before `first` are not to be had. */
  | { readonly name: "find"; readonly first: string | undefined; readonly isCut: boolean }
  /** More unread messages may be on the server. */
  | { readonly name: "seek" }
  /**
   * Messages of others came unseen, or were missed during an absence; `first`: the first of them. `atEnd`: the list stood
   * at its end, and not where somebody reads what is unread.
   */
  | { readonly name: "arrive"; readonly first: string; readonly atEnd: boolean }
  /** The line is in view, in a window that has the focus. */
  | { readonly name: "look" };

export const NO_LINE: UnreadLine = { name: "none" };

/** Returns what an event makes of the line. One that changes nothing returns the very same object. */
export function nextUnreadLine(line: UnreadLine, event: UnreadLineEvent): UnreadLine {
  switch (event.name) {
    case "enter":
      return NO_LINE;
    case "find":
      return event.first === undefined ? NO_LINE : { name: "new", id: event.first, isCut: event.isCut };
    case "seek":
      return { name: "sought" };
    case "arrive":
      // What was not seen first keeps the line; so does what somebody reads.
      return line.name === "none" || (line.name === "seen" && event.atEnd)
        ? { name: "new", id: event.first, isCut: false }
        : line;
    case "look":
      return line.name === "new" ? { ...line, name: "seen" } : line;
  }
}

/** What the line says. */
export function lineText({ isCut }: { readonly isCut: boolean }): string {
  return isCut ? "New messages. Earlier ones can no longer be shown." : "New messages";
}
