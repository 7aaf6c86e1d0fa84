import { CLOSE } from "../../../../protocol/codes.ts";
import type { HelloRequest } from "../../../../protocol/frames.ts";
import { LIMITS } from "../../../../protocol/limits.ts";
import { type Identified, identify, identifyAppUser, withHandle } from "../../../identity.ts";
import { COST } from "../../../limits/request-budget.ts";
import { limitsFor } from "../../../limits/store-limits.ts";
import type { RequestContext } from "../request-context.ts";

/** Identifies the client. A later hello renews the token, or changes the handle in all rooms. */
export async function hello(session: RequestContext, frame: HelloRequest): Promise<void> {
  const { context, appUser, guest } = session;
  const claim = { token: frame.token, guest, known: session.greeted ? session.identity : undefined };
  const identified = await (appUser === undefined
    ? identify(context, claim)
    : identifyAppUser(context, appUser, claim));
  if (session.isClosed) return;
  if (!identified.ok) {
    const { code, message } = identified.error;
    session.refuse(code, message, frame.ref);
    if (code === "unauthorized") session.connection.close(CLOSE.unauthorized, message);
    return;
  }
  const { identity: found, token } = identified.value;
  if (session.greeted && found.user !== session.identity.user) {
    session.refuse("forbidden", "A connection stays with the user it began with.", frame.ref);
    return;
  }
  const named = withHandle(found, frame.handle);
  if (!named.ok) {
    session.refuseWith({ ...named.error, ref: frame.ref });
    return;
  }
  const first = !session.greeted;
  const refused = first ? session.context.accounts.refusal(named.value) : undefined;
  if (refused !== undefined) {
    session.refuseWith({ ...refused, ref: frame.ref });
    session.connection.close(CLOSE.tooMany, String(refused.retryAfterMs));
    return;
  }
  session.greet(named.value);
  welcome(session, frame.ref, { identity: named.value, token });
  if (first) session.context.sendGreeting(session);
  else rename(session);
}

/** Changes the handle in the rooms that the client is in. */
function rename(session: RequestContext): void {
  session.requests.spend(COST.rename * session.subscriptions.size);
  for (const subscription of session.subscriptions.values()) subscription.rename();
}

function welcome(session: RequestContext, ref: number, { identity, token }: Identified): void {
  session.send({
    type: "welcome",
    ref,
    session: session.connection.id,
    token,
    user: { id: identity.user, handle: identity.handle },
    pingMs: LIMITS.pingMs,
    limits: limitsFor(session.context.options),
  });
}
