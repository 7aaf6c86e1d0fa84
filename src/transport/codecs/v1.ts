import type { Codec } from "../../chat/connection.ts";
import { textFrame } from "../websocket/text-frame.ts";

/** `dynochat.v1`: every frame goes out as the contract has it, stored entries as the bytes that came. */
export const V1_CODEC: Codec = {
  name: "v1",
  entry: ({ frame }) => textFrame(frame),
  frame: (frame) => textFrame(Buffer.from(JSON.stringify(frame))),
  json: textFrame,
};
