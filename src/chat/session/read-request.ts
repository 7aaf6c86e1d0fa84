import Type, { type TProperties, type TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { type ClientFrame, type ErrorCode, ID, isRoom, KEY, LIMITS } from "../../protocol.ts";
import { BAD_ROOM } from "../errors.ts";
import { failure, type Result, success } from "../result.ts";
import { objectOf } from "../room/checked-entry.ts";

const Ref = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Room = Type.String();
const MessageId = Type.Optional(Type.String({ pattern: ID }));
const Limit = (minimum: number) => Type.Optional(Type.Integer({ minimum, maximum: LIMITS.answerMessages }));

/** One compiled check a frame type: what each field must be. Fields that are not named are ignored. */
const CHECKS = {
  hello: check("hello", {
    ref: Ref,
    handle: Type.Optional(Type.String()),
    token: Type.Optional(Type.String()),
  }),
  join: check("join", { ref: Ref, room: Room, after: MessageId, limit: Limit(0) }),
  leave: check("leave", { ref: Ref, room: Room }),
  message: check("message", {
    ref: Ref,
    room: Room,
    key: Type.String({ pattern: KEY }),
    text: Type.String(),
  }),
  history: check("history", { ref: Ref, room: Room, before: MessageId, after: MessageId, limit: Limit(1) }),
  typing: check("typing", { room: Room, on: Type.Boolean() }),
  ping: check("ping", { ref: Ref }),
  pong: check("pong", {}),
} as const;

function check<const T extends ClientFrame["type"], const P extends TProperties>(type: T, fields: P) {
  return Compile(Type.Object({ type: Type.Literal(type), ...fields }));
}

/** Reads one inward frame of v1 as the protocol describes it; undefined stands for a binary frame. */
export function readRequest(text: string | undefined): Result<ClientFrame> {
  const value = text === undefined ? undefined : objectOf(text);
  if (value === undefined)
    return refuse("bad-frame", "A frame must be one JSON object in a text frame.", undefined);
  const ref = Number.isSafeInteger(value["ref"]) ? Number(value["ref"]) : undefined;
  const { type } = value;
  if (typeof type !== "string") return refuse("bad-request", "The frame needs a type: a string.", ref);
  if (!isKnown(type)) return refuse("unknown-type", `There is no frame of type ${shown(type)}.`, ref);
  const validator = CHECKS[type];
  if (!validator.Check(value)) return refuse("bad-request", complaint(type, validator, value), ref);
  if (namesRoom(value) && !isRoom(value.room)) {
    return refuse("bad-room", BAD_ROOM, ref);
  }
  return success(value);
}

/** Other frames may carry a field of that name, which is ignored like all that are not known. */
function namesRoom(frame: ClientFrame): frame is Extract<ClientFrame, { readonly room: string }> {
  return frame.type !== "hello" && frame.type !== "ping" && frame.type !== "pong";
}

function isKnown(type: string): type is keyof typeof CHECKS {
  return Object.hasOwn(CHECKS, type);
}

function refuse(code: ErrorCode, message: string, ref: number | undefined): Result<never> {
  return failure({ code, message, ref });
}

/** Names the first field that is wrong and how. */
function complaint(type: string, validator: Validator<TProperties, TSchema>, value: unknown): string {
  const [first] = validator.Errors(value);
  if (first === undefined) return `The ${type} frame is not as it should be.`;
  const field = first.instancePath.slice(1).replaceAll("/", ".");
  return `${field === "" ? `A ${type} frame` : `${type}.${field}`} ${first.message}.`;
}

/** A client's word in a sentence of ours, cut to a readable length. */
function shown(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}…` : word);
}
