import type { NotificationSettings } from "../../config/notifications.ts";
import { noticeChanges } from "./changes.ts";
import type { Notification } from "./event.ts";
import { noticeReadiness } from "./readiness.ts";
import { noticeRefusal } from "./refusals.ts";
import { firstView, type Present, type View } from "./view.ts";

/**
 * The events between what was noticed so far and the present state, and what is noticed with them. Whichever watchdog
 * compares the same two finds the same events.
 *
 * @param before null: nothing was noticed yet
 */
export function notice(
  before: View | null,
  present: Present,
  settings: NotificationSettings,
): { readonly view: View; readonly events: readonly Notification[] } {
  const known = before ?? firstView(present);
  const changes = noticeChanges(known, present, settings);
  const refusal = noticeRefusal(known.refusal, present, settings);
  const readiness = noticeReadiness(known.readiness, present, settings);
  return {
    view: { ...changes.view, refusal: refusal.view, readiness: readiness.view },
    events: [...changes.events, ...refusal.events, ...readiness.events],
  };
}

/** The same while no controller decides, which only shows in the readiness. */
export function noticeUndecided(
  before: View | null,
  present: Present,
  settings: NotificationSettings,
): { readonly view: View; readonly events: readonly Notification[] } {
  const known = before ?? firstView(present);
  const { view, events } = noticeReadiness(known.readiness, present, settings);
  return { view: { ...known, readiness: view }, events };
}
