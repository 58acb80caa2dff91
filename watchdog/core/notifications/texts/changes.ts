import { duration, listed, time } from "../../../util/text.ts";
import type { LastFailover } from "../../state/record.ts";
import { withReason } from "../../state/record-fields.ts";
import type { Notification } from "../event.ts";
import type { Present, View } from "../view.ts";
import { compose, sentence } from "./compose.ts";

type Changing = NonNullable<View["changing"]>;

export function failoverDone(last: LastFailover, present: Present): Notification {
  const { from, to, loss, automatic } = last;
  return compose(
    {
      kind: "failover",
      severity: "critical",
      atMs: last.finishedAtMs,
      from,
      to,
      loss: { atLeast: loss.atLeast, atMost: loss.atMost },
      title: `Failover: ${to} serves in place of ${from}`,
      lines: [
        `Cause: ${last.cause}.`,
        tookFrom(last, automatic ? "decided by the watchdogs" : "asked for by an operator"),
        `Writes that only ${from} may hold: ${loss.explanation}.`,
        ...missing(last),
      ],
      next:
        `There is no standby until ${from} is back: repair it. It then rejoins by itself, \`es-failover status\` shows how far it ` +
        "is, and `es-failover salvage list` the writes that only it held.",
      section: "EsFailoverHappened",
    },
    present,
  );
}

export function switchoverDone(last: LastFailover, present: Present): Notification {
  const { from, to } = last;
  return compose(
    {
      kind: "switchover",
      severity: "info",
      atMs: last.finishedAtMs,
      from,
      to,
      title: `Switchover: ${to} serves in place of ${from}`,
      lines: [`Cause: ${last.cause}.`, tookFrom(last, "no write was lost"), ...missing(last)],
      next: `Nothing: ${from} becomes the standby by itself. A message of kind rejoin follows.`,
      section: "EsFailoverHappened",
    },
    present,
  );
}

const tookFrom = ({ startedAtMs, finishedAtMs }: LastFailover, remark: string): string =>
  `It began at ${time(startedAtMs)} UTC and took ${duration(finishedAtMs - startedAtMs)}; ${remark}.`;

function missing({ to, leftOut, missingIndices }: LastFailover): readonly string[] {
  if (leftOut.length > 0) return [`Left out of ${to}: ${listed(leftOut.map(withReason))}.`];
  return missingIndices.length > 0 ? [`Missing in ${to}: ${listed(missingIndices)}.`] : [];
}

export function changeUndone(changing: Changing, present: Present): Notification {
  const { change, from, to, startedAtMs } = changing;
  const { record } = present;
  return compose(
    {
      kind: "change-undone",
      severity: change === "failover" ? "critical" : "warning",
      atMs: startedAtMs,
      from,
      to,
      title: `The ${change} from ${from} to ${to} went back`,
      lines:
        record?.phase === "serving" ? [sentence(record.cause), `${record.active} serves.`] : ["Another one began."],
      next: "`es-failover history` has each step of it, and `es-failover explain` what the rules would do now.",
      section: "EsFailoverUndone",
    },
    present,
  );
}

export function changeStuck(changing: Changing, present: Present): Notification {
  const { change, from, to, startedAtMs } = changing;
  const { ruling, nowMs } = present;
  return compose(
    {
      kind: "change-stuck",
      severity: "critical",
      atMs: startedAtMs,
      from,
      to,
      title: `The ${change} from ${from} to ${to} has not ended for ${duration(nowMs - startedAtMs)}`,
      lines: [
        "Routers are closed meanwhile: applications are answered 503.",
        ...(ruling === null ? [] : [sentence(ruling.explanation)]),
      ],
      next: `\`es-failover status\` shows the step and its error; \`es-failover abort\` goes back to ${from}, as long as ${to} has not opened.`,
      section: "EsFailoverChangeStuck",
    },
    present,
  );
}

/** @param changeAtMs the change since which it was awaited */
export function protectedAgain(changeAtMs: number, present: Present): Notification {
  const { record, nowMs } = present;
  const last = record?.lastFailover ?? null;
  const [active, standby] = last === null ? ["the active region", "the standby"] : [last.to, last.from];
  return compose(
    {
      kind: "rejoin",
      severity: "info",
      atMs: changeAtMs,
      title: `${standby} is in sync: it is the standby of ${active}`,
      lines: [
        `${standby} may be promoted again, ${duration(Math.max(0, nowMs - changeAtMs))} after ${active} took over.`,
      ],
      next: "`es-failover salvage list` shows whether writes that only the old region held wait for a replay.",
      section: "EsFailoverFormerPrimaryAway",
    },
    present,
  );
}
