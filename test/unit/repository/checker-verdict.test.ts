import { describe, expect, it } from "vitest";
import { type AccessChange, ALL_ROOMS } from "../../../src/store/access.ts";
import { Findings, type Wrong } from "../../checker/findings.ts";
import type { Send } from "../../checker/send.ts";
import type { StoredEntry } from "../../checker/stored-log.ts";
import { judge, type Testimony } from "../../checker/verdict.ts";

type Shown = { id: string; text: string; gap: "none" | "open" | "final" };

/** A small world in which everything is right: Ann said three things in a room, and Ben reads them. */
function soundWorld() {
  const log: StoredEntry[] = [1, 2, 3].map((n) => entry(n));
  const sends: Send[] = [1, 2, 3].map((n) => ({
    room: "lobby",
    key: `k${n}`,
    text: `text ${n}`,
    state: "shown",
    sent: true,
    abandoned: false,
  }));
  const acks = log.map(({ id, key, user }) => ({ user, room: "lobby", key, id }));
  const ann: Shown[] = log.map(({ id, text }) => ({ id, text, gap: "none" }));
  const ben: Shown[] = ann.slice(1);
  const global: StoredEntry[] = [];
  return { log, sends, acks, ann, ben, global };
}

function entry(n: number, fields: Partial<StoredEntry> = {}): StoredEntry {
  const prev = n === 1 ? "0-0" : `${n - 1}-1`;
  return {
    id: `${n}-1`,
    prev,
    type: "message",
    user: "ann",
    key: `k${n}`,
    text: `text ${n}`,
    frame: "",
    ...fields,
  };
}

function newestOf(shown: readonly Shown[]): ReadonlyMap<string, string> {
  return new Map([["lobby", shown.at(-1)?.id ?? "0-0"]]);
}

type World = ReturnType<typeof soundWorld>;

/** A change of a rule, as an entry of the room or of the rules for all rooms. */
function rule(id: string, user: string, right: AccessChange["right"]): StoredEntry {
  const access = {
    subject: user,
    right,
    until: undefined,
    by: "desk",
    bindsModerators: true,
    reason: undefined,
  };
  return { id, prev: "0-0", type: "access", user: "", key: "", text: `rule ${id}`, frame: "", access };
}

function found({ log, sends, acks, ann, ben, global }: World): Set<Wrong> {
  const findings = new Findings();
  const testimonies: Testimony[] = [
    { name: "Ann", user: "ann", sends, acks, newest: newestOf(ann), shown: new Map([["lobby", ann]]) },
    {
      name: "Ben",
      user: "ben",
      sends: [],
      acks: [],
      newest: newestOf(ben),
      shown: new Map([["lobby", ben]]),
    },
  ];
  judge(
    new Map([
      ["lobby", log],
      [ALL_ROOMS, global],
    ]),
    testimonies,
    findings,
  );
  return new Set(findings.list.map(({ wrong }) => wrong));
}

describe("the checker's verdict", () => {
  it("finds nothing where everything is right", () => {
    expect(found(soundWorld())).toEqual(new Set());
  });

  it.each<[string, Wrong, (world: World) => void]>([
    ["a broken chain in the store", "log", ({ log }) => log.splice(1, 1, entry(2, { prev: "0-0" }))],
    ["ids that fall", "log", ({ log }) => log.splice(2, 1, entry(3, { id: "2-0" }))],
    [
      "a key that is stored twice",
      "log",
      ({ log }) => log.push(entry(4, { key: "k3", text: "text 3", prev: "3-1" })),
    ],
    [
      "a text that is stored under two keys",
      "log",
      ({ log, sends }) => {
        log.push(entry(4, { text: "text 3" }));
        sends.push({ ...sends[2]!, key: "k4" });
      },
    ],
    [
      "a send that is called sent and not stored",
      "lost-send",
      ({ sends }) => sends.push({ ...sends[0]!, key: "k9", text: "lost" }),
    ],
    [
      "an ack for what is not stored",
      "lost-send",
      ({ acks }) => acks.splice(0, 1, { ...acks[0]!, id: "9-9" }),
    ],
    ["an ack with another's id", "lost-send", ({ acks }) => acks.splice(0, 1, { ...acks[0]!, id: "2-1" })],
    [
      "a send that never ended",
      "open-send",
      ({ sends }) => sends.push({ ...sends[0]!, key: "k9", text: "waits", state: "queued", sent: false }),
    ],
    [
      "a failed send that is stored twice",
      "phantom",
      ({ log, sends }) => {
        log.push(entry(4, { key: "k3", text: "text 3" }));
        sends.splice(2, 1, { ...sends[2]!, state: "failed", sent: false });
      },
    ],
    ["an entry that no client sent", "phantom", ({ log }) => log.push(entry(4, { user: "nobody" }))],
    ["a hole in what is shown", "timeline", ({ ann }) => ann.splice(1, 1)],
    ["a missing end", "timeline", ({ ben }) => ben.pop()],
    ["a double", "timeline", ({ ben }) => ben.push(ben[1]!)],
    ["another order", "timeline", ({ ann }) => ann.reverse()],
    [
      "a shown message that the store does not have",
      "timeline",
      ({ ben }) => ben.push({ id: "9-9", text: "phantom", gap: "none" }),
    ],
    [
      "a text that is not the store's",
      "timeline",
      ({ ben }) => ben.splice(0, 1, { ...ben[0]!, text: "another" }),
    ],
    ["nothing shown of a stream that is not empty", "timeline", ({ ben }) => ben.splice(0)],
    [
      "what a user said after they were muted in all rooms",
      "muted",
      ({ global }) => global.push(rule("2-9", "ann", "read")),
    ],
    [
      "what was sent to a user after they were shut out of all rooms",
      "shut-out",
      ({ global }) => global.push(rule("2-9", "ben", "none")),
    ],
    ["a gap that is told", "told-gap", ({ ben }) => ben.splice(1, 1, { ...ben[1]!, gap: "open" })],
  ])("finds %s", (_case, wrong, spoil) => {
    const world = soundWorld();
    spoil(world);
    expect(found(world)).toContain(wrong);
  });

  it("finds nothing where a mute in all rooms began, or was taken back, in the millisecond of a message", () => {
    const world = soundWorld();
    world.global.push(rule("0-1", "ann", "read"), { ...rule("1-9", "ann", undefined), prev: "0-1" });
    world.global.push({ ...rule("3-9", "ann", "read"), prev: "1-9" });
    expect(found(world)).toEqual(new Set());
  });

  it("lets a failed send be stored once, or not at all", () => {
    const world = soundWorld();
    world.sends.splice(2, 1, { ...world.sends[2]!, state: "failed", sent: false });
    world.sends.push({ ...world.sends[2]!, key: "k9", text: "not stored" });
    expect(found(world)).toEqual(new Set());
  });
});
