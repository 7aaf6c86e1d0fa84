import type { LeaveRequest } from "../../../../protocol.ts";
import type { RequestContext } from "../request-context.ts";

/** Leaves a room: nothing of it comes after the `ok`. */
export async function leave(session: RequestContext, { ref, room }: LeaveRequest): Promise<void> {
  if (!session.subscriptions.delete(room)) {
    session.refuse("not-joined", `You are not in ${room}.`, ref);
    return;
  }
  session.context.rooms.leave(room, session.connection.id);
  session.send({ type: "ok", ref });
}
