import { isRoom } from "../../protocol.ts";

/** The room of a page whose address names none, as the server wrote it into the document; undefined if it did not. */
export function defaultRoom(): string | undefined {
  const room = document.querySelector<HTMLMetaElement>('meta[name="default-room"]')?.content;
  return room !== undefined && isRoom(room) ? room : undefined;
}
