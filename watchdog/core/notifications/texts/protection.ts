import { duration } from "../../../util/text.ts";
import type { Notification } from "../event.ts";
import type { Present } from "../view.ts";
import { compose, sentence } from "./compose.ts";

const activeOf = ({ record }: Present): string => (record?.phase === "serving" ? record.active : "the active region");

export function failoverRefused(sinceMs: number, explanation: string, present: Present): Notification {
  return compose(
    {
      kind: "failover-refused",
      severity: "critical",
      atMs: sinceMs,
      title: `${activeOf(present)} is lost, or may be, and no failover takes place`,
      lines: [sentence(explanation), `It has been so for ${duration(present.nowMs - sinceMs)}.`],
      next:
        "`es-failover explain` names what blocks the failover. An operator who accepts the loss may order it: " +
        "`es-failover failover --to REGION --force --dry-run` shows what it would do.",
      section: "EsFailoverRefused",
    },
    present,
  );
}

export function refusalOver(sinceMs: number, explanation: string, present: Present): Notification {
  return compose(
    {
      kind: "refusal-over",
      severity: "info",
      atMs: sinceMs,
      title: "No failover is refused any more",
      lines: [sentence(explanation), `It was refused for ${duration(present.nowMs - sinceMs)}.`],
      next: "`es-failover history` has what happened meanwhile.",
      section: "EsFailoverRefused",
    },
    present,
  );
}

export function notReady(atMs: number, explanation: string, present: Present): Notification {
  return compose(
    {
      kind: "not-ready",
      severity: "warning",
      atMs,
      title: `A loss of ${activeOf(present)} would not lead to a failover`,
      lines: [sentence(explanation)],
      next: "`es-failover status` shows what is missing, under Problems and Replication.",
      section: "EsFailoverNotReady",
    },
    present,
  );
}

export function readyAgain(atMs: number, explanation: string, present: Present): Notification {
  return compose(
    {
      kind: "ready",
      severity: "info",
      atMs,
      title: `A loss of ${activeOf(present)} would lead to a failover again`,
      lines: [sentence(explanation)],
      next: "Nothing.",
      section: "EsFailoverNotReady",
    },
    present,
  );
}
