import type { AccessListRequest, AccessRequest } from "../../../../protocol/frames.ts";
import type { Moderator } from "../../../rights/moderation.ts";
import type { RequestContext } from "../request-context.ts";

/** Changes what a user may do in a room. */
export async function access(session: RequestContext, frame: AccessRequest): Promise<void> {
  const { ref, room } = frame;
  const changed = await session.context.moderation.change(moderatorIn(session, room), room, frame);
  if (!changed.ok) session.refuseWith({ ...changed.error, ref });
  else session.send({ type: "ok", ref });
}

/** Answers with the access rules of a room. */
export async function accessList(session: RequestContext, frame: AccessListRequest): Promise<void> {
  const { ref, room, before } = frame;
  const listed = await session.context.moderation.list(moderatorIn(session, room), room, before);
  if (!listed.ok) {
    session.refuseWith({ ...listed.error, ref });
    return;
  }
  session.send({ type: "access-list", ref, room, ...listed.value });
}

function moderatorIn({ context, identity, connection }: RequestContext, room: string): Moderator {
  return { identity, base: context.rights.of(identity, room), network: connection.network };
}
