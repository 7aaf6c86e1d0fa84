import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLOSE } from "../../src/protocol/codes.ts";
import type { ServerFrame } from "../../src/protocol/frames.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { connectPlain, type PlainFrame } from "../kit/clients/plain-client.ts";
import type { RecordedSocket } from "../kit/clients/recorded-socket.ts";
import { connectV1, openV1, type V1Client } from "../kit/clients/v1-client.ts";
import { type Fleet, startFleet } from "../kit/servers/fleet.ts";
import { within } from "../kit/vitest/wait-for.ts";

let fleet: Fleet;
/** Two users on two processes who send valid messages. */
let bystanders: V1Client[];
const ROOM = "bystanders";

beforeAll(async () => {
  fleet = await startFleet(2, {
    env: { MAX_CONNECTIONS_PER_ADDRESS: "0", CONNECTS_PER_SECOND_PER_ADDRESS: "0", MESSAGES_PER_SECOND: "0" },
  });
  bystanders = await Promise.all(fleet.servers.map(({ wsUrl }) => connectV1(wsUrl, { room: ROOM })));
});

afterAll(async () => {
  // A process that has ended has written all its log lines.
  await Promise.all(fleet.servers.map((server) => server.stop()));
  for (const server of fleet.servers) {
    expect(server.logs().filter((line) => Number(line["level"]) >= 50)).toEqual([]);
    expect(server.output().filter((line) => /unhandled|uncaught/i.test(line))).toEqual([]);
  }
});

async function expectUndisturbed(): Promise<void> {
  for (const speaker of bystanders) {
    const text = randomUUID();
    await speaker.say(ROOM, text);
    await Promise.all(bystanders.map((listener) => listener.waitForText(text)));
  }
  for (const bystander of bystanders) {
    expect(bystander.frames.filter(({ type }) => type === "error" || type === "status")).toEqual([]);
  }
}

const REF = 7;

describe("one bad frame", () => {
  it.each<[string, string | Buffer, string]>([
    ["no JSON", "hello", "bad-frame"],
    ["half of an object", '{"type":"ping"', "bad-frame"],
    ["nothing", "", "bad-frame"],
    ["an array", "[]", "bad-frame"],
    ["a number", "7", "bad-frame"],
    ["a string", '"ping"', "bad-frame"],
    ["null", "null", "bad-frame"],
    ["two objects", '{"type":"ping","ref":1}{"type":"ping","ref":2}', "bad-frame"],
    ["a binary frame", Buffer.from('{"type":"ping","ref":1}'), "bad-frame"],
    ["very deep nesting", `${"[".repeat(15_000)}${"]".repeat(15_000)}`, "bad-frame"],
    ["no type", '{"ref":7}', "bad-request"],
    ["a type that is no string", '{"type":7,"ref":7}', "bad-request"],
    ["an unknown type", '{"type":"dance","ref":7}', "unknown-type"],
    ["the name of a prototype's member", '{"type":"__proto__","ref":7}', "unknown-type"],
    ["the name of a function", '{"type":"constructor","ref":7}', "unknown-type"],
    ["no ref", '{"type":"join","room":"lobby"}', "bad-request"],
    ["a ref that is no integer", '{"type":"ping","ref":1.5}', "bad-request"],
    ["a room that is a number", '{"type":"join","ref":7,"room":1}', "bad-request"],
    ["a room with a space", '{"type":"join","ref":7,"room":"a b"}', "bad-room"],
    ["a cursor that is no id", '{"type":"join","ref":7,"room":"lobby","after":"yesterday"}', "bad-request"],
    ["a limit out of range", '{"type":"join","ref":7,"room":"lobby","limit":201}', "bad-request"],
    ["before and after", '{"type":"history","ref":7,"room":"x","before":"1-1","after":"1-1"}', "bad-request"],
    [
      "a message to a room not joined",
      '{"type":"message","ref":7,"room":"x","key":"k","text":"t"}',
      "not-joined",
    ],
    [
      "a key with a space",
      `{"type":"message","ref":7,"room":"${ROOM}","key":"a b","text":"t"}`,
      "bad-request",
    ],
    [
      "a text that is an object",
      `{"type":"message","ref":7,"room":"${ROOM}","key":"k","text":{}}`,
      "bad-request",
    ],
    ["an empty text", `{"type":"message","ref":7,"room":"${ROOM}","key":"k","text":" "}`, "text-empty"],
    [
      "a long text",
      `{"type":"message","ref":7,"room":"${ROOM}","key":"k","text":"${"x".repeat(2001)}"}`,
      "text-too-long",
    ],
    ["a handle with a control character", '{"type":"hello","ref":7,"handle":"a\\u0007b"}', "bad-handle"],
    ["a long handle", `{"type":"hello","ref":7,"handle":"${"x".repeat(33)}"}`, "bad-handle"],
  ])("is refused alone, with a reason, and the socket stays: %s", async (_what, frame, code) => {
    const client = await connectV1(fleet.servers[0]!.wsUrl, { room: ROOM });
    const refusal = client.connection.waitForNext(({ type }) => type === "error", "a refusal");
    client.connection.socket.send(frame);
    const error = await refusal;
    expect(error).toMatchObject({ code, retryable: false, message: expect.stringMatching(/\w+ \w+/) });
    if (frame.includes(`"ref":${REF}`)) expect(error).toMatchObject({ ref: REF });
    expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
    await expectUndisturbed();
  });

  it.each([
    "hello",
    "[]",
    "7",
    "null",
    "{}",
    '{"handle":"Ada"}',
    '{"text":7}',
    '{"text":"t","handle":7}',
    '{"text":"t","username":{}}',
    Buffer.from('{"text":"t"}'),
  ])("is refused alone on a plain socket too: %s", async (frame) => {
    const client = await connectPlain(fleet.servers[0]!.wsUrl, { query: { room: "plain" } });
    const refusal = client.waitForNext((received) => received["type"] === "error", "a refusal");
    client.socket.send(frame);
    expect(await refusal).toMatchObject({ handle: "system", text: expect.stringMatching(/\w+ \w+/) });
    const text = randomUUID();
    client.send({ text });
    await client.waitFor((received) => received["text"] === text);
    await expectUndisturbed();
  });

  it("before hello is refused with hello-first, whatever it is", async () => {
    const client = await openV1(fleet.servers[0]!.wsUrl);
    expect(await client.refusal({ type: "join", room: "lobby" })).toMatchObject({ code: "hello-first" });
    expect((await client.hello()).type).toBe("welcome");
  });

  it("ends its own connection with 1009 where it is over the limit, and no other", async () => {
    const client = await connectV1(fleet.servers[0]!.wsUrl);
    client.connection.send("x".repeat(LIMITS.frameBytes + 1));
    expect(await within(client.closed, "a close")).toMatchObject({ code: CLOSE.frameTooBig });
    await expectUndisturbed();
  });

  it("ends its own connection with 1007 where its text is not UTF-8, and nothing of it is stored", async () => {
    const client = await connectV1(fleet.servers[0]!.wsUrl, { room: ROOM });
    const latin1 = Buffer.from(
      JSON.stringify({ type: "message", ref: 9, room: ROOM, key: "latin1", text: "Caf\u00e9" }),
      "latin1",
    );
    client.connection.socket.send(latin1, { binary: false });
    expect(await within(client.closed, "a close")).toMatchObject({ code: 1007 });
    await expectUndisturbed();
    expect(bystanders[0]!.frames.filter((frame) => "key" in frame && frame.key === "latin1")).toEqual([]);
  });

  it("is tolerated 19 times in 10 s; the 20th ends the connection with 4400", async () => {
    const client = await connectV1(fleet.servers[0]!.wsUrl);
    for (let n = 1; n < LIMITS.badFrames; n++) client.connection.send("nonsense");
    expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
    client.connection.send("nonsense");
    expect(await within(client.closed, "a close")).toMatchObject({ code: CLOSE.protocolViolation });
    expect(client.frames.filter(({ type }) => type === "error")).toHaveLength(LIMITS.badFrames);
    await expectUndisturbed();
  });
});

/** Values of every kind where a field is expected, nasty strings among them. */
const anything = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "lobby", ROOM, "__proto__", "0-0", "1-1", "\u0000", "\ud800", "system"),
  fc.integer(),
  fc.double(),
);
const almostFrame = fc
  .record(
    {
      type: fc.oneof(
        fc.constantFrom("hello", "join", "leave", "message", "history", "typing", "ping", "pong", "toString"),
        anything,
      ),
      ref: anything,
      room: anything,
      key: anything,
      text: anything,
      handle: anything,
      username: anything,
      token: anything,
      after: anything,
      before: anything,
      limit: anything,
      on: anything,
      __proto__: anything,
    },
    { requiredKeys: [] },
  )
  .map((frame) => JSON.stringify(frame));
const generatedFrame = fc.oneof(
  { weight: 6, arbitrary: almostFrame },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: almostFrame.map((frame) => frame.slice(0, frame.length >> 1)) },
);

/** What a server may end a connection with that sends it nonsense: rules of the contract, nothing else. */
const LAWFUL_ENDS: readonly number[] = [CLOSE.protocolViolation, CLOSE.tooMany, CLOSE.unauthorized];

/** A client that sends invalid frames, and reconnects when it is closed for them. */
class Nuisance<Frame> {
  readonly #enter: () => Promise<RecordedSocket<Frame>>;
  #connection: RecordedSocket<Frame> | undefined;

  constructor(enter: () => Promise<RecordedSocket<Frame>>) {
    this.#enter = enter;
  }

  /** Sends a frame, and fulfils with everything that came before the server said that it had read it. */
  async send(frame: string | Buffer): Promise<readonly Frame[]> {
    const connection = this.#connection ?? (await this.#enter());
    this.#connection = connection;
    const before = connection.frames.length;
    connection.socket.send(frame);
    connection.socket.ping();
    const read = new Promise<void>((resolve) => connection.socket.once("pong", () => resolve()));
    const end = await within(Promise.race([read, connection.closed]), "a pong or an end");
    if (end !== undefined) {
      expect(LAWFUL_ENDS).toContain(end.code);
      this.#connection = undefined;
    }
    return connection.frames.slice(before);
  }
}

describe("generated frames", () => {
  it("2,000 of them do not disturb other clients on any process: dynochat.v1", async () => {
    const answers: ServerFrame[] = [];
    const nuisance = new Nuisance(
      async () => (await connectV1(fleet.servers[0]!.wsUrl, { room: "nuisance" })).connection,
    );
    await fc.assert(
      fc.asyncProperty(generatedFrame, async (frame) => {
        answers.push(...(await nuisance.send(frame)));
      }),
      { numRuns: 2_000, endOnFailure: true },
    );
    const refused = answers.filter(({ type }) => type === "error");
    expect(refused.length).toBeGreaterThan(1_000);
    for (const error of refused) expect(error).toMatchObject({ message: expect.stringMatching(/\w+ \w+/) });
    await expectUndisturbed();
  });

  it("as many do not disturb other clients on a plain socket", async () => {
    const answers: PlainFrame[] = [];
    const nuisance = new Nuisance(() =>
      connectPlain(fleet.servers[1]!.wsUrl, { path: "/", query: { room: "plain" } }),
    );
    await fc.assert(
      fc.asyncProperty(generatedFrame, async (frame) => {
        answers.push(...(await nuisance.send(frame)));
      }),
      { numRuns: 2_000, endOnFailure: true },
    );
    expect(answers.length).toBeGreaterThan(1_000);
    for (const answer of answers)
      expect(answer).toMatchObject({ handle: expect.any(String), text: expect.any(String) });
    await expectUndisturbed();
  });
});
