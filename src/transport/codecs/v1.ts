import type { Codec } from "../../chat/connection.ts";
import { textFrame } from "../websocket/text-frame.ts";

/** `dynochat.v1`: frames as the protocol defines them, stored entries as the bytes that the store gave. */
export const V1_CODEC: Codec = {
  name: "v1",
  entry: ({ frame }) => textFrame(frame),
  frame: (frame) => textFrame(Buffer.from(JSON.stringify(frame))),
  json: textFrame,
};
