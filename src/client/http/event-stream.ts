/** Called with one server-sent event: its name, `message` if it has none, and its data. */
export type Received = (name: string, data: string) => void;

/**
 * Reads a stream of server-sent events (WHATWG HTML, section 9.2) until it ends, in the form that this
 * project's server writes: lines end with one line feed, data has one line. `alive` is called for every
 * chunk, comments too. Rejects when the stream breaks.
 */
export async function readEventStream(
  body: ReadableStream<Uint8Array>,
  received: Received,
  alive: () => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const take = eventParser(received);
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    take(decoder.decode(value, { stream: true }));
  }
}

/** Returns a parser for the chunks of a stream, however it is split. It reads each character once. */
export function eventParser(received: Received): (piece: string) => void {
  let name = "message";
  let data: string | undefined;
  /** Parts of the line that has not ended. */
  let parts: string[] = [];
  const takeLine = (line: string): void => {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data = line.slice(6);
    if (line !== "") return;
    if (data !== undefined) received(name, data);
    name = "message";
    data = undefined;
  };
  return (piece) => {
    const [end = "", ...more] = piece.split("\n");
    parts.push(end);
    for (const next of more) {
      takeLine(parts.join(""));
      parts = [next];
    }
  };
}
