import { CLOSE, type HelloRequest, LIMITS, type Person } from "../../protocol.ts";
import { guestHandle } from "../guests.ts";
import { readHandle } from "../handle.ts";
import { BAD_HANDLE } from "../refusal.ts";
import type { Asker } from "./asker.ts";

/** Who a hello comes from. */
interface Caller {
  readonly user: string;
  /** Sent back in `welcome`. */
  readonly token: string;
  readonly handle: string | undefined;
  readonly endsAt: number | undefined;
}

/** Says who the client is. Later it renews the token, or changes the handle in all rooms. */
export async function hello(session: Asker, frame: HelloRequest): Promise<void> {
  const caller = await identify(session, frame);
  if (caller === undefined || session.isClosed) return;
  if (session.greeted && caller.user !== session.person.id) {
    session.refuse("forbidden", "A connection stays with the user it began with.", frame.ref);
    return;
  }
  const wanted = frame.handle ?? caller.handle;
  const handle = wanted === undefined ? undefined : readHandle(wanted);
  if (handle === "bad-handle") {
    session.refuse("bad-handle", BAD_HANDLE, frame.ref);
    return;
  }
  const known = session.greeted ? session.person.handle : guestHandle(caller.user);
  const first = !session.greeted;
  const person = { id: caller.user, handle: handle ?? known };
  session.greet(person, caller.endsAt);
  welcome(session, frame.ref, person, caller.token);
  if (first) session.services.newcomer(session);
  else rename(session);
}

/** The rooms it is in learn the new name; each may give it another suffix. */
function rename(session: Asker): void {
  for (const membership of session.memberships.values()) {
    const presence = session.services.rooms.get(membership.room)?.presence;
    if (presence === undefined) continue;
    presence.join(membership);
    membership.renamed(presence.seenBy(membership).handle);
  }
}

async function identify(session: Asker, { ref, token }: HelloRequest): Promise<Caller | undefined> {
  const { guests, siteTokens } = session.services;
  if (token !== undefined && looksLikeSiteToken(token)) {
    const user = await siteTokens?.verify(token);
    return user === undefined
      ? reject(session, ref, "The token is not valid, or no longer.")
      : { ...user, token };
  }
  if (siteTokens?.required === true) return reject(session, ref, "This chat needs a token of its site.");
  // What was signed with a secret of the past names nobody, as an unknown cookie does.
  const user = (token === undefined ? undefined : guests.recognise(token)) ?? session.guest;
  const signed = guests.tokenFor(user);
  if (signed !== undefined) return { user, token: signed, handle: undefined, endsAt: undefined };
  session.refuse("unavailable", "The chat is still starting; try again.", ref);
  return undefined;
}

/** A JSON Web Token (RFC 7519) has three parts, and a guest's token begins `g.`. */
function looksLikeSiteToken(token: string): boolean {
  return token.split(".").length === 3 && !token.startsWith("g.");
}

function reject(session: Asker, ref: number, message: string): undefined {
  session.refuse("unauthorized", message, ref);
  session.connection.close(CLOSE.unauthorized, message);
  return undefined;
}

function welcome(session: Asker, ref: number, user: Person, token: string): void {
  const { maxTextLength, messagesPerSecond, messageBurst, maxRoomsPerConnection } = session.services.options;
  session.send({
    type: "welcome",
    ref,
    session: session.connection.id,
    token,
    user,
    pingMs: LIMITS.pingMs,
    limits: {
      textLength: maxTextLength,
      frameBytes: LIMITS.frameBytes,
      messagesPerSecond,
      burst: messageBurst,
      rooms: maxRoomsPerConnection,
    },
  });
}
