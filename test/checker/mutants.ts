import type { Edited } from "./edits.ts";
import type { Wrong } from "./findings.ts";
import type { Mixture } from "./mixtures.ts";

/** A copy of the program with one of its guarantees taken out, which the checker must find. */
export interface Mutant extends Edited {
  /** The faults against which that guarantee stands. */
  readonly mixture: Mixture;
  /** How it must show. Another finding alone is no proof. */
  readonly shows: readonly Wrong[];
}

const OPENED = 'this.#step("opened");';
const SUBSCRIBE = "await this.#store.subscribe(this.room, this);";

export const MUTANTS: readonly Mutant[] = [
  {
    name: "a known key is stored again",
    edits: [
      {
        file: "store/redis/messages/append.lua",
        find: "if id and tonumber(string.match(id, '^%d+')) > now - KEY_MS then",
        replace: "if false then",
      },
    ],
    mixture: {
      faults: { "send-late": 5, "ack-lost": 1, "process-frozen": 1 },
      faultCount: 24,
      quietRooms: 12,
    },
    shows: ["log"],
  },
  {
    name: "nothing is read after the subscriptions were renewed",
    edits: [
      {
        file: "chat/room/rooms.ts",
        find: 'await Promise.all(rooms.map((room) => room.stream.suspect("the subscription was renewed")));',
        replace: "",
      },
      { file: "chat/room/rooms.ts", find: "room.stream.storeLost();", replace: "" },
    ],
    mixture: {
      faults: { "subscribers-killed": 1, "redis-link-cut": 1, "redis-link-stalled": 1 },
      faultCount: 30,
      quietRooms: 48,
    },
    shows: ["late"],
  },
  {
    name: "whatever arrives is shown, whether or not it continues the chain",
    edits: [
      {
        file: "chat/room/room-stream.ts",
        find: 'arrived(entry.id); if (this.#state === "live" && entry.prev === this.ring.head)',
        replace: 'arrived(entry.id); if (this.#state === "live")',
      },
    ],
    mixture: { faults: { "payload-forged": 1, "payload-doubled": 1 }, faultCount: 24, quietRooms: 12 },
    shows: ["wire-chain", "timeline", "told-gap"],
  },
  {
    name: "what is published is shown whatever its tag",
    edits: [
      {
        file: "store/redis/messages/publications.ts",
        find: "const isSigned = tag === tagOf(payload.subarray(start));",
        replace: "const isSigned = true;",
      },
    ],
    mixture: { faults: { "payload-forged": 1 }, faultCount: 48, quietRooms: 12 },
    shows: ["wire-chain", "timeline", "told-gap"],
  },
  {
    name: "a room reads the store before it subscribes",
    edits: [
      { file: "chat/room/room-stream.ts", find: SUBSCRIBE, replace: "" },
      {
        file: "chat/room/room-stream.ts",
        find: OPENED,
        replace: `${SUBSCRIBE} if (!this.#counts(token, "opening")) return; ${OPENED}`,
      },
    ],
    mixture: { faults: { "process-killed": 1 }, faultCount: 1, quietRooms: 48 },
    shows: ["late"],
  },
  {
    name: "a room that opens forgets what arrived while it read",
    edits: [
      {
        file: "chat/room/room-stream.ts",
        find: OPENED,
        replace: `this.#held = []; ${OPENED}`,
      },
    ],
    mixture: { faults: { "process-killed": 1 }, faultCount: 1, quietRooms: 48 },
    shows: ["late"],
  },
  {
    name: "who joins also gets what was due to the others",
    edits: [
      {
        file: "chat/room/outbox.ts",
        find: "this.flush(); const group =",
        replace: "const group =",
      },
    ],
    mixture: { faults: { "client-cut": 1 }, faultCount: 24, quietRooms: 12 },
    shows: ["wire-chain"],
  },
  {
    name: "a room that opens does not read its access rules",
    edits: [
      {
        file: "chat/room/room-stream.ts",
        find: 'const rules = await this.#readRules(); if (!this.#counts(token, "opening"))',
        replace: 'const rules = []; if (!this.#counts(token, "opening"))',
      },
    ],
    mixture: { faults: { "process-killed": 1 }, faultCount: 4, quietRooms: 4, acts: 12 },
    shows: ["shut-out", "muted", "late"],
  },
  {
    name: "the script stores messages without a look at the access rules",
    edits: [
      {
        file: "store/redis/messages/append.lua",
        find: "if (right == 'none' or right == 'read') and not isOver and not isExempt then",
        replace: "if false then",
      },
    ],
    mixture: { faults: { "redis-link-stalled": 1 }, faultCount: 12, quietRooms: 4, acts: 12 },
    shows: ["muted"],
  },
  {
    name: "the script stores messages without a look at the rules for all rooms",
    edits: [
      {
        file: "store/redis/messages/append.lua",
        find: "call('EXISTS', GLOBAL_ACCESS) == 1 and allowed(GLOBAL_ACCESS) or mayHaveRules",
        replace: "mayHaveRules",
      },
    ],
    mixture: { faults: { "redis-link-stalled": 1 }, faultCount: 12, quietRooms: 4, acts: 24 },
    shows: ["muted"],
  },
  {
    name: "the rules for all rooms are not read when the subscription is renewed",
    edits: [
      {
        file: "chat/chat.ts",
        find: "await this.globalRules.catchUp();",
        replace: "",
      },
      {
        file: "chat/rights/global-rules.ts",
        find: "if (head !== this.#head) await this.#read();",
        replace: "",
      },
    ],
    mixture: { faults: { "process-killed": 1 }, faultCount: 4, quietRooms: 4, acts: 24 },
    shows: ["shut-out", "muted", "late"],
  },
  {
    name: "nothing is looked up of sign-outs",
    edits: [
      {
        file: "chat/rights/global-rules.ts",
        find: "return marks.some((mark) => mark !== undefined && issuedAt < timeOf(mark.id));",
        replace: "return issuedAt < 0;",
      },
    ],
    mixture: { faults: { "client-cut": 1 }, faultCount: 4, quietRooms: 4, acts: 12 },
    shows: ["signed-out"],
  },
  {
    name: "no right is looked up after a page was read",
    edits: [
      {
        file: "chat/room/queries.ts",
        find: 'if ((await this.#globalRules.rightInStore(room, visitor)) === "none") throw new Forbidden(room);',
        replace: "",
      },
      {
        file: "chat/room/room.ts",
        find: 'if (right === "none") throw new Forbidden(this.name); return page;',
        replace: "return page;",
      },
    ],
    mixture: { faults: { "client-cut": 1 }, faultCount: 4, quietRooms: 4, acts: 12 },
    shows: ["shut-out"],
  },
  {
    name: "a member who was shut out stays",
    edits: [
      {
        file: "chat/room/room-members.ts",
        find: 'if (right === "none") this.#expel(member); else member.rightChanged(right);',
        replace: "member.rightChanged(right);",
      },
    ],
    mixture: { faults: { "client-cut": 1 }, faultCount: 4, quietRooms: 4, acts: 12 },
    shows: ["shut-out"],
  },
];
