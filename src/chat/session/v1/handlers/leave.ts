import type { LeaveRequest } from "../../../../protocol/frames.ts";
import type { RequestContext } from "../request-context.ts";

/** Leaves a room: the client gets nothing of it after the `ok`. */
export async function leave(session: RequestContext, { ref, room }: LeaveRequest): Promise<void> {
  const subscription = session.subscriptions.get(room);
  if (subscription === undefined) {
    session.refuse("not-joined", `You are not in ${room}.`, ref);
    return;
  }
  session.subscriptions.delete(room);
  session.context.rooms.leave(subscription.room, session.connection.id);
  session.send({ type: "ok", ref });
}
