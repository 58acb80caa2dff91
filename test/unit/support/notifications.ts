import type { Notification } from "../../../watchdog/core/notifications/event.ts";
import { NOW_MS } from "../core-fixtures.ts";

/** A failover, as a target receives it. */
export const sampleEvent = (changes: Partial<Notification> = {}): Notification => ({
  id: `failover-${NOW_MS}`,
  kind: "failover",
  severity: "critical",
  atMs: NOW_MS,
  watchdog: "witness-1",
  epoch: 3,
  active: "bhs",
  from: "gra",
  to: "bhs",
  loss: { atLeast: 0, atMost: 171 },
  title: "Failover: bhs serves in place of gra",
  text: "Cause: gra is unhealthy: no node answers.",
  next: "Repair gra.",
  runbook: "docs/runbook.md#esfailoverhappened",
  ...changes,
});
