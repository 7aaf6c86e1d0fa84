import type { TProperties, TSchema } from "typebox";
import type { Validator } from "typebox/compile";
import { type ClientFrame, type ErrorCode, isRoom } from "../../../protocol.ts";
import { BAD_ROOM } from "../../errors.ts";
import { failure, type Result, success } from "../../result.ts";
import { objectOf } from "../../room/checked-entry.ts";
import { REQUESTS, type RequestName } from "./requests.ts";

/** Reads one inward frame of v1 as the protocol describes it; undefined stands for a binary frame. */
export function readRequest(text: string | undefined): Result<ClientFrame> {
  const value = text === undefined ? undefined : objectOf(text);
  if (value === undefined)
    return refuse("bad-frame", "A frame must be one JSON object in a text frame.", undefined);
  const ref = Number.isSafeInteger(value["ref"]) ? Number(value["ref"]) : undefined;
  const { type } = value;
  if (typeof type !== "string") return refuse("bad-request", "The frame needs a type: a string.", ref);
  if (!isKnown(type)) return refuse("unknown-type", `There is no frame of type ${shown(type)}.`, ref);
  const validator = REQUESTS[type].check;
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

function isKnown(type: string): type is RequestName {
  return Object.hasOwn(REQUESTS, type);
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
