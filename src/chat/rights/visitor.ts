import { includes, type Right } from "../../protocol/rights.ts";
import { EVERYBODY, networkSubject } from "../../store/access.ts";
import type { Identity } from "../identity.ts";
import type { ErrorReply } from "../result.ts";

/** A user who reads or writes in a room, as the room's access rules see them. */
export interface Visitor {
  /** Undefined = a client that has not identified: a guest. */
  readonly identity: Identity | undefined;
  /** The right that the user has by themselves, without the room's access rules. */
  readonly base: Right;
  /** As `Connection.network`. */
  readonly network: string;
}

/** Makes the digest that stands for a network (`Guests.networkDigest`). */
export type NetworkDigest = (network: string) => string | undefined;

/** Returns the subjects whose access rules hold for a user. */
export function subjectsOf({ identity, network }: Omit<Visitor, "base">, digest: NetworkDigest): string[] {
  const subjects = [EVERYBODY];
  if (identity !== undefined) subjects.push(identity.user);
  if (identity !== undefined && identity.kind !== "guest") return subjects;
  const ofNetwork = digest(network);
  if (ofNetwork !== undefined) subjects.push(networkSubject(ofNetwork));
  return subjects;
}

/** Thrown when a user may not enter a room, or not read in it any more. */
export class Forbidden extends Error {
  override readonly name = "Forbidden";
  readonly reply: ErrorReply;

  constructor(room: string) {
    const reply = refusalOf("none", "read", room);
    super(reply.message);
    this.reply = reply;
  }
}

/** Returns the error for a user whose right does not include what is needed; undefined if it does. */
export function missingRight(right: Right, needed: Right, room: string): ErrorReply | undefined {
  return includes(right, needed) ? undefined : refusalOf(right, needed, room);
}

/** Returns the error for a user who has a right in a room, but not the one that is needed. */
export function refusalOf(right: Right, needed: Right, room: string): ErrorReply {
  const message =
    right === "none" ? `You may not enter ${room}.` : `You may ${right} in ${room}, but not ${needed} there.`;
  return { code: "forbidden", message };
}
