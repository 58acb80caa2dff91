import type { NotificationSettings } from "../../config/notifications.ts";
import type { RuleId } from "../rules/table.ts";
import type { Notification } from "./event.ts";
import { failoverRefused, refusalOver } from "./texts/protection.ts";
import type { Present, View } from "./view.ts";

/** Rules by which the active region is, or may be, lost and no failover follows. */
const refusals: ReadonlySet<string> = new Set([
  "refuse-paused",
  "refuse-both-unhealthy",
  "refuse-several-routers",
  "refuse-not-promotable",
  "refuse-not-in-sync",
  "refuse-block-period",
  "refuse-hook",
  "active-unknown",
] satisfies readonly RuleId[]);

/** A failover that is needed and refused for a while, by whichever rules; and its end, after the same while. */
export function noticeRefusal(
  before: View["refusal"],
  present: Present,
  { refusedAfterMs }: Pick<NotificationSettings, "refusedAfterMs">,
): { readonly view: View["refusal"]; readonly events: readonly Notification[] } {
  const { ruling, nowMs } = present;
  if (ruling === null) return { view: before, events: [] };
  if (refusals.has(ruling.rule)) {
    const view = { ...(before ?? { sinceMs: nowMs, isSent: false }), overSinceMs: null };
    if (view.isSent || nowMs - view.sinceMs < refusedAfterMs) return { view, events: [] };
    return { view: { ...view, isSent: true }, events: [failoverRefused(view.sinceMs, ruling.explanation, present)] };
  }
  if (before === null) return { view: null, events: [] };
  const overSinceMs = before.overSinceMs ?? nowMs;
  if (nowMs - overSinceMs < refusedAfterMs) return { view: { ...before, overSinceMs }, events: [] };
  return { view: null, events: before.isSent ? [refusalOver(before.sinceMs, ruling.explanation, present)] : [] };
}
