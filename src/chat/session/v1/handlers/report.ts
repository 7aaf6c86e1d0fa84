import type { ReportRequest } from "../../../../protocol/frames.ts";
import { visitorOf } from "../../../room/member.ts";
import type { RequestContext } from "../request-context.ts";

/** Reports a message of a joined room to the operators. */
export async function report(session: RequestContext, frame: ReportRequest): Promise<void> {
  const { ref, room } = frame;
  const subscription = session.subscriptions.get(room);
  if (subscription === undefined) {
    session.refuse("not-joined", `You are not in ${room}.`, ref);
    return;
  }
  const { identity } = session;
  const reporter = { ...visitorOf(subscription), identity, handle: subscription.handle };
  const reported = await session.context.reports.report(reporter, room, frame);
  if (!reported.ok) session.refuseWith({ ...reported.error, ref });
  else session.send({ type: "ok", ref });
}
