import type { NotificationsReport, TestOutcome } from "../../notifications/report.ts";
import { duration, section, table, time } from "../../util/text.ts";

export function formatTestOutcomes(outcomes: readonly TestOutcome[]): string {
  return table(
    outcomes.map(({ target, kind, tookMs, error }) => [
      target,
      kind,
      error === null ? `delivered in ${duration(tookMs)}` : `FAILED: ${error}`,
    ]),
  );
}

export function notificationsSection(report: NotificationsReport | null, nowMs: number): string {
  if (report === null) return "";
  return section(
    "Notifications",
    report.targets.map(({ name, kind, delivered, pending, oldestPendingAtMs, lastDeliveredAtMs, error }) => [
      name,
      kind,
      lastDeliveredAtMs === null
        ? "none sent since the start"
        : `${delivered} sent, last at ${time(lastDeliveredAtMs)}`,
      oldestPendingAtMs === null ? "" : `${pending} WAITING, for ${duration(Math.max(0, nowMs - oldestPendingAtMs))}`,
      error ?? "",
    ]),
  );
}
