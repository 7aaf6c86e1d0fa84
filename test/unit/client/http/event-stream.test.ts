import fc from "fast-check";
import { expect, it } from "vitest";
import { eventParser } from "../../../../src/client/http/event-stream.ts";

const STREAM =
  'retry: 2000\n\n: ping\n\nevent: joined\ndata: {"id":"1-0"}\n\ndata: a: b\n\nevent: lost\n\ndata: ü 👍\n\ndata: cut';

const EVENTS = [
  ["joined", '{"id":"1-0"}'],
  ["message", "a: b"],
  ["message", "ü 👍"],
];

it("an event stream has the same events, however it is cut into pieces", () => {
  const cuts = fc.array(fc.nat(STREAM.length), { maxLength: STREAM.length });
  fc.assert(
    fc.property(cuts, (places) => {
      const found: string[][] = [];
      const take = eventParser((name, data) => found.push([name, data]));
      const ends = [...places, STREAM.length].sort((a, b) => a - b);
      for (const [index, end] of ends.entries()) take(STREAM.slice(ends[index - 1] ?? 0, end));
      expect(found).toEqual(EVENTS);
    }),
  );
});
