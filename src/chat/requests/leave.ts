import type { LeaveRequest } from "../../protocol.ts";
import type { V1Session } from "../v1-session.ts";

/** Leaves a room: nothing of it comes behind the `ok`. */
export async function leave(session: V1Session, { ref, room }: LeaveRequest): Promise<void> {
  if (!session.memberships.delete(room)) {
    session.refuse("not-joined", `You are not in ${room}.`, ref);
    return;
  }
  session.chat.rooms.leave(room, session.connection.id);
  session.send({ type: "ok", ref });
}
