import type { AccessRuleView, Person } from "../../protocol/frames.ts";
import type { Right } from "../../protocol/rights.ts";

/** The answers of `/status/rooms`, which the operator's page reads. `right` is what the operator may do. */

/** One room of `GET /status/rooms`. */
export interface ListedRoom {
  readonly room: string;
  /** The newest message's id. */
  readonly last: string;
  /** The number of users who are there. */
  readonly count: number;
  readonly right: Right;
}

/** The answer of `GET /status/rooms`: the room with the newest message first. */
export interface RoomsView {
  readonly rooms: readonly ListedRoom[];
}

/** The answer of `GET /status/rooms/{room}`, and of `GET /status/access`, which is about all rooms. */
export interface RoomView {
  /** `*` = all rooms. */
  readonly room: string;
  readonly right: Right;
  /** Whether the operator may moderate all rooms. */
  readonly moderatesAll: boolean;
  /** The number of users who are there; `users` are those of them who are named. */
  readonly count: number;
  readonly users: readonly Person[];
  /** The access rules in force, newest first; empty for an operator who may not moderate the room. */
  readonly rules: readonly AccessRuleView[];
  /** Whether there are older rules. */
  readonly more: boolean;
}

/** The body of `POST /status/rooms/{room}/access`, and of `POST /status/access`, which is about all rooms. */
export interface RoomAccessChange {
  /** A user id, or `*` for everybody. */
  readonly user: string;
  readonly right: Exclude<Right, "moderate"> | "default";
  /** How long it holds; undefined = until it is changed. */
  readonly seconds?: number | undefined;
  /** For other moderators. */
  readonly reason?: string;
  /** The rule is also for the guests of the user's address. */
  readonly address?: boolean;
}
