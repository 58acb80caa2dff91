import { applicationMetrics } from "./groups/applications.ts";
import { changeMetrics } from "./groups/changes.ts";
import { expiryMetrics } from "./groups/expiry.ts";
import { notificationMetrics } from "./groups/notifications.ts";
import { probeMetrics } from "./groups/probes.ts";
import { quorumMetrics } from "./groups/quorum.ts";
import { readinessMetrics } from "./groups/readiness.ts";
import { replicationMetrics } from "./groups/replication.ts";
import { routerMetrics } from "./groups/router.ts";
import { snapshotMetrics } from "./groups/snapshots.ts";
import { stateMetrics } from "./groups/state.ts";
import type { Metric } from "./metric.ts";

/**
 * Every metric of the watchdog, by group. Names and labels are an interface: alerts and dashboards of users carry them. No
 * label has a value per index. docs/metrics.md is generated from this.
 */
export const metricGroups: Readonly<Record<string, readonly Metric[]>> = {
  State: stateMetrics,
  Probes: probeMetrics,
  Replication: replicationMetrics,
  Quorum: quorumMetrics,
  Router: routerMetrics,
  Changes: changeMetrics,
  Readiness: readinessMetrics,
  "What ends by itself": expiryMetrics,
  Snapshots: snapshotMetrics,
  Applications: applicationMetrics,
  Notifications: notificationMetrics,
};
