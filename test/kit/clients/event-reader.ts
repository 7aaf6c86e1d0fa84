import type { Person } from "../../../src/protocol/frames.ts";
import { afterwards } from "../vitest/cleanup.ts";
import { waitFor } from "../vitest/wait-for.ts";

/** What the server sent: the fields that tests look at, each where its kind of event has it. */
interface EventData {
  readonly type?: string;
  readonly id?: string;
  readonly head?: string;
  readonly room?: string;
  readonly handle?: string;
  readonly text?: string;
  readonly code?: number | string;
  readonly reason?: string;
  readonly recovered?: boolean;
  readonly live?: boolean;
  readonly on?: boolean;
  readonly reconnectInMs?: number;
  readonly count?: number;
  readonly present?: { readonly count: number; readonly users: readonly Person[] };
}

export interface ReadEvent {
  /** `message` where the server named none. */
  readonly name: string;
  readonly id: string | undefined;
  readonly data: EventData;
}

/** A reader of an event stream, as a browser's EventSource is one that does not come back. */
export interface EventReader {
  readonly answer: Response;
  readonly events: readonly ReadEvent[];
  /** Comments so far. */
  readonly comments: readonly string[];
  /** The last `retry` the server sent, ms. */
  readonly retry: number | undefined;
  readonly ended: boolean;
  /** The texts of the messages, in order. */
  texts(): string[];
  /** The first event that fits, come already or later. */
  waitFor(name: string, fits?: (event: ReadEvent) => boolean): Promise<ReadEvent>;
  /** Fulfils when that text has come. */
  waitForText(text: string): Promise<ReadEvent>;
  close(): void;
}

/** Opens an event stream; it ends with the test. */
export async function readEvents(url: string, headers: Record<string, string> = {}): Promise<EventReader> {
  const abort = new AbortController();
  afterwards(() => abort.abort());
  const answer = await fetch(url, { headers, signal: abort.signal });
  const events: ReadEvent[] = [];
  const comments: string[] = [];
  let retry: number | undefined;
  let ended = false;

  const take = (block: string): void => {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) {
      const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (name === "") comments.push(value);
      else fields.set(name, value);
    }
    if (fields.has("retry")) retry = Number(fields.get("retry"));
    const data = fields.get("data");
    if (data === undefined) return;
    events.push({ name: fields.get("event") ?? "message", id: fields.get("id"), data: JSON.parse(data) });
  };
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of answer.body ?? []) {
        const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) take(block);
      }
    } catch {
      // Aborted, or cut off: the test sees that it has ended.
    }
    ended = true;
  };
  void read();
  const find = (name: string, fits: (event: ReadEvent) => boolean) =>
    waitFor(
      () => events.find((event) => event.name === name && fits(event)),
      `an event ${name} of ${JSON.stringify(events.slice(-3))}`,
    );
  return {
    answer,
    events,
    comments,
    get retry() {
      return retry;
    },
    get ended() {
      return ended;
    },
    texts: () => events.filter(({ name }) => name === "message").map(({ data }) => data.text ?? ""),
    waitFor: (name, fits = () => true) => find(name, fits),
    waitForText: (text) => find("message", ({ data }) => data.text === text),
    close: () => abort.abort(),
  };
}
