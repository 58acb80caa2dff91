/** What each alert of monitoring/rules is shown with. */

/** Values of a series while the fault lasts and after its repair; a pair grows by its second number every minute. */
export type Values = number | readonly [from: number, perMinute: number] | "absent";

export interface AlertCase {
  /** Per series: its values during the fault, then after the repair. */
  readonly series: Readonly<Record<string, readonly [fault: Values, repaired: Values]>>;
  /** How many alerts of the name fire. Default: 1. */
  readonly count?: number;
  /** How long it goes on firing after the repair, in minutes: an alert about the last hour. Default: 1. */
  readonly holdsMinutes?: number;
  /** For how long the fault lasts beyond the alert's `for`, in minutes. Default: 2. */
  readonly lastsMinutes?: number;
}

const router = (instance: string, region: string) =>
  `es_failover_router_open{instance="${instance}",region="${region}"}`;
const [graOfGra, graOfBhs] = [router("gra-haproxy-1", "gra"), router("bhs-haproxy-1", "gra")];
const [bhsOfGra, bhsOfBhs] = [router("gra-haproxy-1", "bhs"), router("bhs-haproxy-1", "bhs")];

const node = 'instance="es",cluster="gra",name="gra-es-1"';

const days = (count: number) => count * 86_400;

/** The clock of promtool begins at 0. */
export const alertCases: Readonly<Record<string, AlertCase>> = {
  EsFailoverWatchdogDown: {
    series: { 'up{job="es-failover",instance="w"}': [0, 1], 'up{job="es-failover",instance="g"}': [1, 1] },
  },
  EsFailoverAbsent: { series: { 'up{job="es-failover",instance="w"}': ["absent", 1] } },
  EsFailoverNoDecider: {
    series: { 'es_failover_decider{instance="w"}': [0, 1], 'es_failover_decider{instance="g"}': [0, 0] },
  },
  EsFailoverNobodyServes: { series: { [graOfGra]: [0, 1], [bhsOfGra]: [0, 0], [graOfBhs]: [0, 0] } },
  EsFailoverTwoWriters: { series: { [graOfGra]: [1, 0], [bhsOfBhs]: [1, 1] } },
  EsFailoverRouterClosed: { series: { [graOfGra]: [0, 1], [graOfBhs]: [1, 1] } },
  EsFailoverRouterDown: { series: { 'es_failover_router_up{instance="g"}': [0, 1] } },
  EsFailoverServersDown: {
    series: {
      'es_failover_router_servers_up{instance="gra-haproxy-1",region="gra"}': [0, 2],
      'es_failover_router_servers_up{instance="gra-haproxy-1",region="bhs"}': [0, 0],
      [graOfGra]: [1, 1],
      [bhsOfGra]: [0, 0],
    },
  },
  EsFailoverChangeStuck: { series: { 'es_failover_phase{phase="closing",instance="w"}': [1, 0] } },
  EsFailoverHookFails: {
    series: { 'es_failover_hook_runs_total{phase="before-closing",outcome="failed",instance="w"}': [[0, 1], 2] },
    holdsMinutes: 63,
  },
  EsFailoverStepRetries: { series: { 'es_failover_plan_step_attempts{step="close",instance="w"}': [4, "absent"] } },
  EsFailoverHappened: {
    series: { 'es_failover_last_change_timestamp_seconds{kind="failover"}': [30, 30] },
    holdsMinutes: 61,
  },
  // The clock of promtool begins at 0.
  EsFailoverDrillOverdue: {
    series: {
      'es_failover_phase_since_timestamp_seconds{instance="g"}': [-days(181), 0],
      'es_failover_phase_since_timestamp_seconds{instance="w"}': [-days(200), -days(200)],
    },
  },
  EsFailoverUndone: {
    series: { 'es_failover_changes_total{kind="switchover",automatic="false",outcome="undone"}': [[0, 1], 2] },
    holdsMinutes: 63,
  },
  EsFailoverRefused: { series: { 'es_failover_rule{rule="refuse-not-in-sync"}': [1, "absent"] } },
  EsFailoverNotReady: { series: { 'es_failover_ready{instance="w"}': [0, 1] } },
  EsFailoverNotReadyLong: { series: { 'es_failover_ready{instance="w"}': ["absent", 1] } },
  EsFailoverCheckFails: {
    series: {
      'es_failover_readiness_check{check="disk of bhs",verdict="fail",instance="w"}': [1, 0],
      'es_failover_readiness_check{check="disk of bhs",verdict="warn",instance="w"}': [0, 1],
    },
  },
  EsFailoverDrift: {
    series: {
      'es_failover_drift_items{kind="user",instance="w"}': [2, 0],
      'es_failover_drift_items{kind="plugin",instance="w"}': [0, 0],
    },
  },
  EsFailoverNotInSync: {
    series: { 'es_failover_in_sync{instance="w"}': [0, 1], 'es_failover_in_sync{instance="g"}': [0, 1] },
  },
  EsFailoverNotInSyncLong: { series: { 'es_failover_in_sync{instance="w"}': [0, 1] } },
  EsFailoverLagGrows: {
    series: { es_failover_replication_lag_operations: [[20_000, 500], 3] },
    lastsMinutes: 6,
  },
  EsFailoverLagLong: { series: { 'es_failover_replication_lag_seconds{instance="w"}': [400, 0] } },
  EsFailoverReadAge: { series: { 'es_failover_replication_read_age_seconds{instance="w"}': [200, 20] } },
  EsFailoverUncovered: { series: { 'es_failover_uncovered_indices{reason="not-followed"}': [2, 0] } },
  EsFailoverReplicationChangesFail: {
    series: { 'es_failover_replication_changes_total{kind="follow",outcome="failed"}': [[0, 1], 40] },
    lastsMinutes: 20,
    holdsMinutes: 15,
  },
  EsFailoverProbesRefused: {
    series: { 'es_failover_region_health{region="bhs",state="unknown",instance="w"}': [1, 0] },
  },
  EsFailoverRegionUnhealthy: {
    series: { 'es_failover_region_health{region="gra",state="unhealthy",instance="w"}': [1, 0] },
  },
  EsFailoverRegionDegraded: { series: { 'es_failover_region_problems{region="gra"}': [1, 0] } },
  EsFailoverCanaryFails: { series: { 'es_failover_canary_failures_in_a_row{region="gra",instance="g"}': [5, 0] } },
  EsFailoverFilesRefused: { series: { 'es_failover_files_refused{instance="g"}': [1, 0] } },
  EsFailoverQuorumThin: {
    series: {
      // The third site reported before.
      'es_failover_sites_heard{instance="w"}': [2, 3],
      'es_failover_sites_heard{instance="g"}': [3, 3],
    },
  },
  EsFailoverWatchdogSilent: { series: { 'es_failover_watchdogs_silent{instance="w"}': [1, 0] } },
  EsFailoverStoreDown: { series: { 'es_failover_store_up{instance="w"}': [0, 1] } },
  EsFailoverStoreFull: { series: { 'es_failover_store_full{instance="w"}': [1, 0] } },
  EsFailoverStoreQuota: {
    series: {
      'es_failover_store_db_size_bytes{member="https://w:2379"}': [800, 200],
      'es_failover_store_quota_bytes{member="https://w:2379"}': [1_000, 1_000],
    },
  },
  EsFailoverFailsafeActive: { series: { 'es_failover_failsafe_active{instance="g"}': [1, 0] } },
  EsFailoverSelfDoubt: { series: { 'es_failover_self_trusted{instance="g"}': [0, 1] } },
  EsFailoverLoopStuck: {
    series: { 'es_failover_loop_last_turn_timestamp_seconds{instance="g",loop="decide"}': [0, [360, 60]] },
    lastsMinutes: 5,
  },
  EsFailoverPausedLong: { series: { 'es_failover_paused{instance="g"}': [1, 0] } },
  EsFailoverFormerPrimaryAway: { series: { 'es_failover_former_primary_unsettled{instance="g"}': [1, 0] } },
  EsFailoverSalvageUnsettled: {
    series: { 'es_failover_salvage_unsettled_operations{salvage="3-gra",instance="w"}': [4, 0] },
  },
  EsFailoverIndicesLeftOut: { series: { 'es_failover_left_out_indices{instance="g"}': [3, 0] } },
  EsFailoverLicenceMissing: {
    series: {
      'es_failover_license_allows_ccr{region="gra",instance="g"}': [0, 1],
      'es_failover_license_allows_ccr{region="bhs",instance="g"}': [1, 1],
    },
  },
  EsFailoverLicenceEndsSoon: {
    series: { 'es_failover_license_expiry_timestamp_seconds{region="gra",type="trial"}': [days(6), days(400)] },
  },
  EsFailoverLicenceEnds: {
    series: { 'es_failover_license_expiry_timestamp_seconds{region="gra",type="trial"}': [days(29), days(400)] },
  },
  EsFailoverSnapshotOld: {
    series: {
      'es_failover_snapshot_last_success_timestamp_seconds{region="gra",instance="g"}': [-10_000, days(1)],
      // A watchdog that could not ask the region for a while knows an older one.
      'es_failover_snapshot_last_success_timestamp_seconds{region="gra",instance="w"}': [-20_000, -20_000],
      'es_failover_snapshot_last_success_timestamp_seconds{region="bhs",instance="g"}': [days(1), days(1)],
      'es_failover_snapshot_max_age_seconds{instance="g"}': [600, 600],
    },
  },
  EsFailoverCertificateEndsSoon: {
    series: { 'es_failover_certificate_expiry_timestamp_seconds{instance="g",file="/a.crt"}': [days(6), days(400)] },
  },
  EsFailoverCertificateEnds: {
    series: { 'es_failover_certificate_expiry_timestamp_seconds{instance="g",file="/a.crt"}': [days(29), days(400)] },
  },
  EsFailoverRetentionLeaseEnds: {
    series: {
      'es_failover_retention_lease_remaining_seconds{instance="g"}': [5 * 3_600, 43_170],
      'es_failover_retention_lease_period_seconds{instance="g"}': [43_200, 43_200],
    },
  },
  EsFailoverVersionsDiffer: {
    series: {
      'es_failover_build_info{version="1",instance="g"}': [1, "absent"],
      'es_failover_build_info{version="2",instance="w"}': [1, 1],
    },
  },
  EsFailoverNotificationsFail: {
    series: {
      // The clock of promtool begins at 0: the message has waited since then.
      'es_failover_notifications_oldest_pending_timestamp_seconds{target="on-call",instance="g"}': [0, "absent"],
      'es_failover_notifications_oldest_pending_timestamp_seconds{target="mail",instance="g"}': ["absent", "absent"],
    },
    lastsMinutes: 13,
  },
  EsFailoverAppBehind: { series: { 'es_failover_applications{state="behind",instance="g"}': [2, 0] } },
  HostDown: { series: { 'up{job="node",instance="es"}': [0, 1], 'up{job="node",instance="w"}': [1, 1] } },
  HostDiskFull: {
    series: {
      'node_filesystem_avail_bytes{instance="es",mountpoint="/",fstype="ext4"}': [5, 50],
      'node_filesystem_size_bytes{instance="es",mountpoint="/",fstype="ext4"}': [100, 100],
    },
  },
  HostClockSkew: { series: { 'node_timex_offset_seconds{instance="es"}': [-0.2, 0.001] } },
  HostServiceFailed: {
    series: { 'node_systemd_unit_state{instance="es",name="etcd.service",state="failed"}': [1, 0] },
  },
  HaproxyDown: { series: { 'up{job="haproxy",instance="g"}': [0, 1] } },
  HaproxyBackendDown: {
    series: {
      'haproxy_backend_active_servers{instance="g",proxy="es_gra"}': [0, 3],
      'haproxy_backend_active_servers{instance="g",proxy="closed"}': [0, 0],
    },
  },
  HaproxyServerDown: {
    series: { 'haproxy_server_status{instance="g",proxy="es_gra",server="gra-es-1",state="DOWN"}': [1, 0] },
  },
  HaproxyClosedAnswers: {
    series: {
      'haproxy_backend_http_responses_total{instance="g",proxy="closed",code="5xx"}': [[0, 60], 240],
      'haproxy_backend_http_responses_total{instance="g",proxy="es_gra",code="5xx"}': [
        [0, 60],
        [240, 60],
      ],
    },
    holdsMinutes: 2,
  },
  HaproxyErrors: {
    series: {
      'haproxy_backend_http_responses_total{instance="g",proxy="es_gra",code="5xx"}': [[0, 100], 1_000],
      'haproxy_backend_http_responses_total{instance="g",proxy="es_gra",code="2xx"}': [
        [0, 900],
        [9_000, 900],
      ],
      'haproxy_backend_http_responses_total{instance="g",proxy="closed",code="5xx"}': [
        [0, 900],
        [9_000, 900],
      ],
    },
    holdsMinutes: 6,
  },
  HaproxySlow: {
    series: {
      'haproxy_backend_response_time_average_seconds{instance="g",proxy="es_gra"}': [3, 0.1],
      'haproxy_backend_http_responses_total{instance="g",proxy="es_gra",code="2xx"}': [
        [0, 60],
        [720, 60],
      ],
      // An average of long ago, while no request comes.
      'haproxy_backend_response_time_average_seconds{instance="g",proxy="es_bhs"}': [3, 3],
      'haproxy_backend_http_responses_total{instance="g",proxy="es_bhs",code="2xx"}': [10, 10],
    },
  },
  HaproxyDroppingLogs: {
    series: { 'haproxy_process_dropped_logs_total{instance="g"}': [[0, 5], 10] },
    holdsMinutes: 11,
  },
  ElasticsearchDown: {
    series: {
      'up{job="elasticsearch",instance="es"}': [1, 1],
      'up{job="elasticsearch",instance="other"}': [1, 1],
      'elasticsearch_cluster_health_number_of_nodes{instance="es",cluster="gra"}': ["absent", 3],
      'elasticsearch_cluster_health_number_of_nodes{instance="other",cluster="gra"}': [3, 3],
    },
  },
  ElasticsearchRed: { series: { 'elasticsearch_cluster_health_status{cluster="gra",color="red"}': [1, 0] } },
  ElasticsearchYellow: { series: { 'elasticsearch_cluster_health_status{cluster="gra",color="yellow"}': [1, 0] } },
  ElasticsearchTooFewNodes: {
    series: {
      'elasticsearch_cluster_health_number_of_nodes{instance="es",cluster="gra"}': [2, 3],
      'elasticsearch_cluster_health_number_of_nodes{instance="other",cluster="gra"}': [3, 3],
    },
  },
  ElasticsearchDisk: {
    series: {
      [`elasticsearch_filesystem_data_available_bytes{${node}}`]: [10, 60],
      [`elasticsearch_filesystem_data_size_bytes{${node}}`]: [100, 100],
    },
  },
  ElasticsearchDiskFull: {
    series: {
      [`elasticsearch_filesystem_data_available_bytes{${node}}`]: [9, 15],
      [`elasticsearch_filesystem_data_size_bytes{${node}}`]: [100, 100],
    },
  },
  ElasticsearchHeap: {
    series: {
      [`elasticsearch_jvm_memory_used_bytes{${node},area="heap"}`]: [95, 50],
      [`elasticsearch_jvm_memory_max_bytes{${node},area="heap"}`]: [100, 100],
    },
  },
  ElasticsearchRejections: {
    series: {
      [`elasticsearch_thread_pool_rejected_count{${node},type="write"}`]: [[0, 30], 210],
      [`elasticsearch_thread_pool_rejected_count{${node},type="management"}`]: [
        [0, 30],
        [210, 30],
      ],
    },
    holdsMinutes: 6,
  },
  ElasticsearchBreakers: {
    series: { [`elasticsearch_breakers_tripped{${node},breaker="parent"}`]: [[0, 1], 2] },
    holdsMinutes: 11,
  },
  EtcdDown: { series: { 'up{job="etcd",instance="w"}': [0, 1] } },
  EtcdNoLeader: { series: { 'etcd_server_has_leader{instance="w"}': [0, 1] } },
  EtcdLeaderChanges: {
    series: { 'etcd_server_leader_changes_seen_total{instance="w"}': [[0, 2], 8] },
    lastsMinutes: 4,
    holdsMinutes: 16,
  },
  EtcdSlowDisk: {
    series: {
      'etcd_disk_wal_fsync_duration_seconds_bucket{instance="w",le="0.128"}': [0, [0, 600]],
      'etcd_disk_wal_fsync_duration_seconds_bucket{instance="w",le="1.024"}': [
        [0, 60],
        [720, 600],
      ],
      'etcd_disk_wal_fsync_duration_seconds_bucket{instance="w",le="+Inf"}': [
        [0, 60],
        [720, 600],
      ],
    },
    holdsMinutes: 8,
  },
};
