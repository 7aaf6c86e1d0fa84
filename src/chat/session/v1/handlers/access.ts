import type { AccessListRequest, AccessRequest } from "../../../../protocol/frames.ts";
import { type Result, success } from "../../../result.ts";
import type { Moderator } from "../../../rights/moderation.ts";
import type { RequestContext } from "../request-context.ts";

/** Changes what a user may do in a room. */
export async function access(session: RequestContext, frame: AccessRequest): Promise<void> {
  const { ref, room } = frame;
  const moderator = await moderatorIn(session, room);
  const changed = moderator.ok
    ? await session.context.moderation.change(moderator.value, room, frame)
    : moderator;
  if (!changed.ok) session.refuseWith({ ...changed.error, ref });
  else session.send({ type: "ok", ref });
}

/** Answers with the access rules of a room. */
export async function accessList(session: RequestContext, frame: AccessListRequest): Promise<void> {
  const { ref, room, before } = frame;
  const moderator = await moderatorIn(session, room);
  const listed = moderator.ok
    ? await session.context.moderation.list(moderator.value, room, before)
    : moderator;
  if (!listed.ok) {
    session.refuseWith({ ...listed.error, ref });
    return;
  }
  session.send({ type: "access-list", ref, room, ...listed.value });
}

async function moderatorIn(
  { context, identity, connection }: RequestContext,
  room: string,
): Promise<Result<Moderator>> {
  const base = await context.rights.find(identity, room);
  return base.ok ? success({ identity, base: base.value.right, network: connection.network }) : base;
}
