import type { NotificationSettings } from "../../config/notifications.ts";
import type { StateRecord } from "../state/record.ts";
import type { Notification } from "./event.ts";
import { changeStuck, changeUndone, failoverDone, protectedAgain, switchoverDone } from "./texts/changes.ts";
import type { Present, View } from "./view.ts";

type Changes = Pick<View, "changeAtMs" | "awaitedAtMs" | "changing">;

/** A change that ended, went back or takes too long; and the old region in sync again after one. */
export function noticeChanges(
  before: Changes,
  present: Present,
  { stuckAfterMs }: Pick<NotificationSettings, "stuckAfterMs">,
): { readonly view: Changes; readonly events: readonly Notification[] } {
  const { record, nowMs } = present;
  if (record === null) return { view: before, events: [] };
  const events: Notification[] = [];
  const last = record.lastFailover;
  // A store that was set back may show an older one.
  const isFinished = last !== null && last.finishedAtMs > (before.changeAtMs ?? -1);
  if (isFinished) events.push((last.kind === "failover" ? failoverDone : switchoverDone)(last, present));
  const { changing: known } = before;
  const isSame = known !== null && record.phase !== "serving" && record.startedAtMs === known.startedAtMs;
  if (known !== null && !isSame && !isFinished) events.push(changeUndone(known, present));
  const changing = changingOf(record, isSame && known.isStuck);
  const isStuck = changing !== null && nowMs - changing.startedAtMs > stuckAfterMs;
  if (isStuck && !changing.isStuck) events.push(changeStuck(changing, present));
  const awaitedAtMs = isFinished ? last.finishedAtMs : before.awaitedAtMs;
  const isProtected = awaitedAtMs !== null && record.phase === "serving" && record.standby === "in-sync";
  if (isProtected) events.push(protectedAgain(awaitedAtMs, present));
  const view = {
    changeAtMs: isFinished ? last.finishedAtMs : before.changeAtMs,
    awaitedAtMs: isProtected ? null : awaitedAtMs,
    changing: changing === null ? null : { ...changing, isStuck: changing.isStuck || isStuck },
  };
  return { view, events };
}

function changingOf(record: StateRecord, isStuck: boolean): View["changing"] {
  if (record.phase === "serving") return null;
  const { change, from, to, startedAtMs } = record;
  return { change, from, to, startedAtMs, isStuck };
}
