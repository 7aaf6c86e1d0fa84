import type {
  AccessListRequest,
  AccessRequest,
  ModerationRequest,
  RecheckRequest,
  SignOutRequest,
} from "../../../../protocol/frames.ts";
import { ALL_ROOMS } from "../../../../store/access.ts";
import { type Result, success } from "../../../result.ts";
import type { Moderation, Moderator } from "../../../rights/moderation.ts";
import type { RequestContext } from "../request-context.ts";

/** Changes what a user may do in a room, or in all rooms. */
export function access(session: RequestContext, frame: AccessRequest): Promise<void> {
  const { room = ALL_ROOMS } = frame;
  return act(session, frame, room, (moderation, moderator) => moderation.change(moderator, room, frame));
}

/** Has the embedding app asked again what a user may do in a room, or in all rooms. */
export function recheck(session: RequestContext, frame: RecheckRequest): Promise<void> {
  const { room = ALL_ROOMS, user } = frame;
  return act(session, frame, room, (moderation, moderator) => moderation.recheck(moderator, room, user));
}

/** Signs a user of the site out. */
export function signOut(session: RequestContext, frame: SignOutRequest): Promise<void> {
  return act(session, frame, ALL_ROOMS, (moderation, moderator) => moderation.signOut(moderator, frame));
}

/** Answers with the access rules of a room, or of all rooms. */
export async function accessList(session: RequestContext, frame: AccessListRequest): Promise<void> {
  const { ref, room, before } = frame;
  const moderator = await moderatorIn(session, room ?? ALL_ROOMS);
  const listed = moderator.ok
    ? await session.context.moderation.list(moderator.value, room ?? ALL_ROOMS, before)
    : moderator;
  if (!listed.ok) {
    session.refuseWith({ ...listed.error, ref });
    return;
  }
  session.send({ type: "access-list", ref, room, ...listed.value });
}

/** Does what a moderator asks for, and answers with `ok`. */
async function act(
  session: RequestContext,
  { ref }: ModerationRequest,
  room: string,
  work: (moderation: Moderation, moderator: Moderator) => Promise<Result<string>>,
): Promise<void> {
  const moderator = await moderatorIn(session, room);
  const done = moderator.ok ? await work(session.context.moderation, moderator.value) : moderator;
  if (!done.ok) session.refuseWith({ ...done.error, ref });
  else session.send({ type: "ok", ref });
}

async function moderatorIn(
  { context, identity, connection }: RequestContext,
  room: string,
): Promise<Result<Moderator>> {
  const { network } = connection;
  // The embedding app is not asked about all rooms; `Moderation` knows who may moderate them.
  if (room === ALL_ROOMS) return success({ identity, base: "none", network });
  const base = await context.rights.find(identity, room);
  return base.ok ? success({ identity, base: base.value.right, network }) : base;
}
