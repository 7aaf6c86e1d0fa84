import { describe, expect, it } from "vitest";
import { EVENT_CODEC } from "../../../src/transport/codecs/events.ts";

function entry(frame: string): string {
  return EVENT_CODEC.entry({ id: "2-1", prev: "1-1", frame: Buffer.from(frame) }).toString();
}

describe("an event", () => {
  it("of an entry has its id and its very bytes", () => {
    const frame = '{"id":"2-1","prev":"1-1","type":"message","text":"ü\\n\\u2028"}';
    expect(entry(frame)).toBe(`id: 2-1\ndata: ${frame}\n\n`);
  });

  it.each(["\n", "\r", "\r\n", "\n\n"])("is one event, also of JSON that holds %j", (end) => {
    const written = entry(`{"id":"2-1","prev":"1-1",${end}"text":"x"}`);
    expect(written).toBe('id: 2-1\ndata: {"id":"2-1","prev":"1-1","text":"x"}\n\n');
  });

  it("of the server's own has its frame's type for a name", () => {
    const frame = EVENT_CODEC.frame({ type: "notice", text: "a\nb" }).toString();
    expect(frame).toBe('event: notice\ndata: {"type":"notice","text":"a\\nb"}\n\n');
    const hint = EVENT_CODEC.json(Buffer.from('{"type":"typing",\n"on":true}')).toString();
    expect(hint).toBe('event: typing\ndata: {"type":"typing","on":true}\n\n');
  });
});
