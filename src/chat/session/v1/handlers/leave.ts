import type { LeaveRequest } from "../../../../protocol.ts";
import type { Asker } from "../request-context.ts";

/** Leaves a room: nothing of it comes behind the `ok`. */
export async function leave(session: Asker, { ref, room }: LeaveRequest): Promise<void> {
  if (!session.memberships.delete(room)) {
    session.refuse("not-joined", `You are not in ${room}.`, ref);
    return;
  }
  session.services.rooms.leave(room, session.connection.id);
  session.send({ type: "ok", ref });
}
