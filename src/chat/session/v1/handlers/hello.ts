import { CLOSE, type HelloRequest, LIMITS, type Person } from "../../../../protocol.ts";
import { guestHandle } from "../../../guests.ts";
import { COST } from "../../../limits/request-budget.ts";
import { limitsFor } from "../../../limits/store-limits.ts";
import { readHandle } from "../../../text/handle.ts";
import { identify } from "../../identify.ts";
import type { RequestContext } from "../request-context.ts";

/** Says who the client is. Later it renews the token, or changes the handle in all rooms. */
export async function hello(session: RequestContext, frame: HelloRequest): Promise<void> {
  const identified = await identify(session.context, frame.token, session.guest);
  if (session.isClosed) return;
  if (!identified.ok) {
    const { code, message } = identified.error;
    session.refuse(code, message, frame.ref);
    if (code === "unauthorized") session.connection.close(CLOSE.unauthorized, message);
    return;
  }
  const caller = identified.value;
  if (session.greeted && caller.user !== session.person.id) {
    session.refuse("forbidden", "A connection stays with the user it began with.", frame.ref);
    return;
  }
  const wanted = readHandle(frame.handle ?? "");
  if (!wanted.ok) {
    session.refuseWith({ ...wanted.error, ref: frame.ref });
    return;
  }
  const known = session.greeted ? session.person.handle : guestHandle(caller.user);
  const first = !session.greeted;
  const person = { id: caller.user, handle: wanted.value ?? caller.handle ?? known };
  session.greet(person, caller.kind, caller.endsAt, caller.siteKey);
  welcome(session, frame.ref, person, caller.token);
  if (first) session.context.newcomer(session);
  else rename(session);
}

/** The rooms it is in learn the new name; each may give it another suffix. */
function rename(session: RequestContext): void {
  session.requests.spend(COST.rename * session.subscriptions.size);
  for (const subscription of session.subscriptions.values()) {
    const presence = session.context.rooms.get(subscription.room)?.presence;
    if (presence === undefined) continue;
    presence.join(subscription);
    subscription.renamed(presence.handleOf(subscription));
  }
}

function welcome(session: RequestContext, ref: number, user: Person, token: string): void {
  session.send({
    type: "welcome",
    ref,
    session: session.connection.id,
    token,
    user,
    pingMs: LIMITS.pingMs,
    limits: limitsFor(session.context.options),
  });
}
