import type { NotificationSettings } from "../../config/notifications.ts";
import type { Notification } from "./event.ts";
import { notReady, readyAgain } from "./texts/protection.ts";
import type { Present, View } from "./view.ts";

/** Whether a loss of the active region would lead to a failover: sent once it has been otherwise for a while. */
export function noticeReadiness(
  before: View["readiness"],
  present: Present,
  { notReadyAfterMs, readyAfterMs }: Pick<NotificationSettings, "notReadyAfterMs" | "readyAfterMs">,
): { readonly view: View["readiness"]; readonly events: readonly Notification[] } {
  const { readiness, nowMs } = present;
  // A change decides for itself: the time until it is known again counts neither way.
  if (readiness === null) return { view: before, events: [] };
  if (readiness.ready === before.ready) return { view: { ...before, differsSinceMs: null }, events: [] };
  const differsSinceMs = before.differsSinceMs ?? nowMs;
  if (nowMs - differsSinceMs < (readiness.ready ? readyAfterMs : notReadyAfterMs)) {
    return { view: { ...before, differsSinceMs }, events: [] };
  }
  const event = (readiness.ready ? readyAgain : notReady)(before.sinceMs, readiness.explanation, present);
  // Part of the next id: never the same twice, whatever the clocks of two controllers show.
  const sinceMs = Math.max(nowMs, before.sinceMs + 1);
  return { view: { ready: readiness.ready, sinceMs, differsSinceMs: null }, events: [event] };
}
