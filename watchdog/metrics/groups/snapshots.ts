import { gauge, labelled, sampleOf, seconds } from "../metric.ts";

/** Snapshots of both regions. */
export const snapshotMetrics = [
  labelled(
    "snapshot_last_success_timestamp_seconds",
    "When the region's last successful snapshot ended; 0: none has succeeded yet. Absent where the region does not tell.",
    ["region"],
    ({ status }) =>
      status.regions.flatMap(({ region, snapshots }) =>
        snapshots == null ? [] : sampleOf({ region }, seconds(snapshots.lastSuccessAtMs ?? 0)),
      ),
  ),
  gauge(
    "snapshot_max_age_seconds",
    "How long ago the last successful snapshot may be; absent where no snapshots are configured.",
    ({ config }) => seconds(config.snapshots?.maxAgeMs),
  ),
];
