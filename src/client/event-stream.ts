/** One event of a stream of server-sent events: its name, `message` where it has none, and its data. */
export type Received = (name: string, data: string) => void;

/**
 * Reads a stream of server-sent events (WHATWG HTML, section 9.2) until it ends, as this project's server writes it: lines end
 * with one line feed, data has one line. `alive` is called for every piece that comes, comments too. Rejects when the stream breaks.
 */
export async function readEventStream(
  body: ReadableStream<Uint8Array>,
  received: Received,
  alive: () => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) take(block, received);
  }
}

function take(block: string, received: Received): void {
  let name = "message";
  let data: string | undefined;
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data = line.slice(6);
  }
  if (data !== undefined) received(name, data);
}
