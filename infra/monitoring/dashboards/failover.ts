import type { Row } from "./panel.ts";

/** Whether the deployment serves, and would survive a loss: by the watchdogs' own metrics. */
export const failoverRows: readonly Row[] = [
  {
    title: "Now",
    panels: [
      { title: "Active", query: "max by (region) (es_failover_active) == 1", legend: "{{region}}", kind: "stat" },
      { title: "Ready", query: "max(es_failover_ready)", legend: "ready", unit: "bool_yes_no", kind: "stat" },
      { title: "In sync", query: "max(es_failover_in_sync)", legend: "in sync", unit: "bool_yes_no", kind: "stat" },
      { title: "Epoch", query: "max(es_failover_epoch)", legend: "epoch", kind: "stat" },
      {
        title: "Alerts",
        query: 'count(ALERTS{alertstate="firing",severity!="none"}) or vector(0)',
        legend: "firing",
        kind: "stat",
      },
    ],
  },
  {
    title: "Traffic",
    panels: [
      { title: "Open routers", query: "sum by (region) (es_failover_router_open)", legend: "to {{region}}" },
      {
        title: "Servers that HAProxy finds up",
        query: "es_failover_router_servers_up",
        legend: "{{instance}}: {{region}}",
      },
      {
        title: "Canaries that failed in a row",
        query: "max by (region) (es_failover_canary_failures_in_a_row)",
        legend: "{{region}}",
      },
      { title: "Applications", query: "sum by (state) (es_failover_applications)", legend: "{{state}}" },
    ],
  },
  {
    title: "Replication",
    panels: [
      { title: "Lag", query: "max(es_failover_replication_lag_operations)", legend: "operations" },
      { title: "Lag in time", query: "max(es_failover_replication_lag_seconds)", legend: "lag", unit: "s" },
      {
        title: "Since a follower last read",
        query: "max(es_failover_replication_read_age_seconds)",
        legend: "at most",
        unit: "s",
      },
      {
        title: "Followers may miss operations for",
        query: "min(es_failover_retention_lease_remaining_seconds)",
        legend: "at least",
        unit: "s",
      },
      { title: "Indices of the active region", query: "max(es_failover_leader_indices)", legend: "indices" },
      { title: "Protected indices", query: "max(es_failover_protected_indices)", legend: "indices" },
    ],
  },
  {
    title: "Changes",
    panels: [
      { title: "Epochs", query: "max(es_failover_epoch)", legend: "epoch" },
      { title: "Phase", query: "max by (phase) (es_failover_phase)", legend: "{{phase}}" },
      {
        title: "Writes paused by the last change",
        query: "max by (kind) (es_failover_write_pause_seconds)",
        legend: "{{kind}}",
        unit: "s",
      },
      {
        title: "Duration of the last change",
        query: "max by (kind) (es_failover_change_duration_seconds)",
        legend: "{{kind}}",
        unit: "s",
      },
      {
        title: "Operations that only the old region may hold",
        query: "max by (bound) (es_failover_loss_operations)",
        legend: "at {{bound}}",
      },
    ],
  },
  {
    title: "Regions",
    panels: [
      {
        title: "Health",
        query: "sum by (region, state) (es_failover_region_health) > 0",
        legend: "{{region}} {{state}}: watchdogs",
      },
      {
        title: "Probes",
        query: "max by (region) (es_failover_probe_duration_seconds)",
        legend: "{{region}}",
        unit: "s",
      },
      {
        title: "Since the last good probe",
        query: "max by (region) (time() - es_failover_last_good_probe_timestamp_seconds)",
        legend: "{{region}}",
        unit: "s",
      },
      {
        title: "Licence ends in",
        query: "min by (region) (es_failover_license_expiry_timestamp_seconds) - time()",
        legend: "{{region}}",
        unit: "s",
      },
    ],
  },
  {
    title: "Watchdogs",
    panels: [
      { title: "Controller", query: "es_failover_decider", legend: "{{instance}}" },
      { title: "Sites that report", query: "min(es_failover_sites_heard)", legend: "sites" },
      { title: "etcd answers", query: "es_failover_store_up", legend: "{{instance}}" },
      {
        title: "Since a loop last turned",
        query: "max by (loop) (time() - es_failover_loop_last_turn_timestamp_seconds)",
        legend: "{{loop}}",
        unit: "s",
      },
      {
        title: "Certificates end in",
        query: "min by (instance) (es_failover_certificate_expiry_timestamp_seconds) - time()",
        legend: "{{instance}}",
        unit: "s",
      },
      {
        title: "Memory",
        query: 'process_resident_memory_bytes{job="es-failover"}',
        legend: "{{instance}}",
        unit: "bytes",
      },
    ],
  },
];
