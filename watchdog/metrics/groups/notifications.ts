import { labelled, seconds } from "../metric.ts";

/** Messages that this watchdog sends to people. */
export const notificationMetrics = [
  labelled(
    "notifications_total",
    "Messages to a target of `notifications`; delivered, or failed: an attempt that is repeated, or given-up: too old to be repeated.",
    ["target", "outcome"],
    ({ status: { notifications } }) =>
      (notifications?.targets ?? []).flatMap(({ name: target, delivered, failed, givenUp }) => [
        { labels: { target, outcome: "delivered" }, value: delivered },
        { labels: { target, outcome: "failed" }, value: failed },
        { labels: { target, outcome: "given-up" }, value: givenUp },
      ]),
  ),
  labelled(
    "notifications_pending",
    "Messages that wait until the target takes them.",
    ["target"],
    ({ status: { notifications } }) =>
      (notifications?.targets ?? []).map(({ name: target, pending }) => ({ labels: { target }, value: pending })),
  ),
  labelled(
    "notifications_oldest_pending_timestamp_seconds",
    "When the oldest message that waits was noticed; absent while none waits.",
    ["target"],
    ({ status: { notifications } }) =>
      (notifications?.targets ?? []).flatMap(({ name: target, oldestPendingAtMs }) => {
        const value = seconds(oldestPendingAtMs);
        return value === null ? [] : [{ labels: { target }, value }];
      }),
  ),
];
