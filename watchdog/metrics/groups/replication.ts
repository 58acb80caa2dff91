import { countsOf, gauge, labelled, seconds } from "../metric.ts";

const uncoveredReasons = ["not-followed", "copying", "copy-failed", "behind", "unfollowable"] as const;

/** How well the standby could replace the active region. */
export const replicationMetrics = [
  gauge(
    "in_sync",
    "1 when the standby may be promoted without losing more than the lag.",
    ({ status: { replication } }) => replication?.inSync,
  ),
  gauge("in_sync_timestamp_seconds", "When the standby was last noted to be in sync.", ({ status: { record } }) =>
    seconds(record?.phase === "serving" ? record.inSyncAtMs : null),
  ),
  gauge(
    "replication_lag_operations",
    "Operations that the followers lack, over all shards, as they last knew it.",
    ({ status: { replication } }) => replication?.lagOperations,
  ),
  gauge(
    "replication_lag_seconds",
    "For how long the standby has lacked what it lacks of the active region, of the shard that lags most, by the clock of this watchdog.",
    ({ status: { replication } }) => seconds(replication?.lagMs),
  ),
  gauge(
    "replication_read_age_seconds",
    "The longest time since a follower last read from its leader.",
    ({ status: { replication } }) => seconds(replication?.readAgeMs),
  ),
  gauge(
    "replication_observed_timestamp_seconds",
    "When the standby was last looked at: the other values of replication are of that time.",
    ({ status: { replication } }) => seconds(replication?.observedAtMs),
  ),
  gauge(
    "retention_lease_remaining_seconds",
    "What is left of the retention lease that lapses first, of those of the followers on the active region; 0: it has lapsed, " +
      "and the follower may need a full copy. Of the last survey, so only from the controller.",
    ({ surveyed: { system } }) => seconds(system?.leaseEnd?.remainingMs),
  ),
  gauge(
    "retention_lease_period_seconds",
    "How long that lease lasts from each renewal: a follower that reads renews it about twice a minute.",
    ({ surveyed: { system } }) => seconds(system?.leaseEnd?.periodMs),
  ),
  gauge("followers", "Followers in the standby.", ({ status: { replication } }) => replication?.followers),
  gauge(
    "leader_indices",
    "Managed indices of the active region.",
    ({ status: { replication } }) => replication?.leaderIndices,
  ),
  gauge(
    "protected_indices",
    "Indices that the standby could replace now.",
    ({ status: { replication } }) => replication?.protectedIndices?.count,
  ),
  labelled(
    "uncovered_indices",
    "Indices that the standby could not replace now, by reason, of the first 50.",
    ["reason"],
    ({ status: { replication } }) =>
      replication === null
        ? []
        : uncoveredReasons.map((reason) => ({
            labels: { reason },
            value: replication.unprotected.filter(({ state }) => state === reason).length,
          })),
  ),
  gauge(
    "replication_problems",
    "Reasons why the standby is not in sync, or not as it should be: status has the sentences.",
    ({ status: { replication } }) => replication?.reasons.length,
  ),
  labelled(
    "replication_changes_total",
    "Changes of the replication that this watchdog made or tried.",
    ["kind", "outcome"],
    ({ activity }) => countsOf(activity.replicationChanges),
  ),
];
