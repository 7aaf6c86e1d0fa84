/**
 * The line above the first message that one has not seen:
 * - `none`: there is none;
 * - `new`: above something that was not looked at yet;
 * - `seen`: looked at, and left where it is for as long as one looks.
 */
export type UnreadLine =
  | { readonly name: "none" }
  | { readonly name: "new"; readonly id: string }
  | { readonly name: "seen"; readonly id: string };

export type UnreadLineEvent =
  /** A room is shown; `first`: its first unread message of somebody else. */
  | { readonly name: "enter"; readonly first: string | undefined }
  /** Messages of others came unseen, or were read up after an absence; `first`: the first of them. */
  | { readonly name: "arrive"; readonly first: string }
  /** The window has the focus and shows the newest message. */
  | { readonly name: "look" }
  | { readonly name: "look-away" }
  /** One writes: what is above was read. */
  | { readonly name: "send" };

export const NO_LINE: UnreadLine = { name: "none" };

/** What an event makes of the line. One that changes nothing returns the very same object. */
export function nextUnreadLine(line: UnreadLine, event: UnreadLineEvent): UnreadLine {
  switch (event.name) {
    case "enter":
      return event.first === undefined ? NO_LINE : { name: "new", id: event.first };
    case "arrive":
      // The first that was not seen keeps the line; one that was seen gives it up.
      return line.name === "new" ? line : { name: "new", id: event.first };
    case "look":
      return line.name === "new" ? { name: "seen", id: line.id } : line;
    case "look-away":
      return line.name === "seen" ? NO_LINE : line;
    case "send":
      return NO_LINE;
  }
}
