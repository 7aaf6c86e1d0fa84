/**
 * The state of the line above the first unread message. The line stays while the room is shown:
 * - `none`: there is none;
 * - `sought`: it belongs above the oldest loaded message, so older ones have to be loaded first;
 * - `new`: the user has not seen it yet;
 * - `seen`: the user has seen it; it stays where it is until there is something newer to mark.
 */
export type UnreadLine =
  | { readonly name: "none" }
  | { readonly name: "sought" }
  | { readonly name: "new"; readonly id: string; readonly isCut: boolean }
  | { readonly name: "seen"; readonly id: string; readonly isCut: boolean };

export type UnreadLineEvent =
  /** Another room is shown. */
  | { readonly name: "enter" }
  /** What is unread is known, or known better. `isCut`: unread messages before `first` cannot be loaded. */
  | { readonly name: "find"; readonly first: string | undefined; readonly isCut: boolean }
  /** More unread messages may be on the server. */
  | { readonly name: "seek" }
  /**
   * Messages of others arrived unseen, or were missed while disconnected; `first`: the first of them.
   * `atEnd`: the list was at its end, and not at unread messages that the user reads.
   */
  | { readonly name: "arrive"; readonly first: string; readonly atEnd: boolean }
  /** The line is in view, in a window that has the focus. */
  | { readonly name: "look" };

export const NO_LINE: UnreadLine = { name: "none" };

/** Returns the line after an event; the same object if nothing changed. */
export function nextUnreadLine(line: UnreadLine, event: UnreadLineEvent): UnreadLine {
  switch (event.name) {
    case "enter":
      return NO_LINE;
    case "find":
      return event.first === undefined ? NO_LINE : { name: "new", id: event.first, isCut: event.isCut };
    case "seek":
      return { name: "sought" };
    case "arrive":
      // The line stays at the first unread message, and where the user reads.
      return line.name === "none" || (line.name === "seen" && event.atEnd)
        ? { name: "new", id: event.first, isCut: false }
        : line;
    case "look":
      return line.name === "new" ? { ...line, name: "seen" } : line;
  }
}

/** Returns the text of the line. */
export function lineText({ isCut }: { readonly isCut: boolean }): string {
  return isCut ? "New messages. Earlier ones can no longer be shown." : "New messages";
}
