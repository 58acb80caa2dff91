import type { Row } from "./panel.ts";

/** Hosts, HAProxy, Elasticsearch and etcd, by their exporters. */
export const exporterRows: readonly Row[] = [
  {
    title: "Targets",
    panels: [
      { title: "Targets that answer", query: "sum by (job) (up)", legend: "{{job}}" },
      { title: "Targets", query: "count by (job) (up)", legend: "{{job}}" },
      {
        title: "Duration of a scrape",
        query: "max by (job) (scrape_duration_seconds)",
        legend: "{{job}}",
        unit: "s",
      },
    ],
  },
  {
    title: "HAProxy",
    panels: [
      {
        title: "Answers of the entries",
        query: 'sum by (code) (rate(haproxy_frontend_http_responses_total{proxy="entry"}[5m]))',
        legend: "{{code}}",
        unit: "reqps",
      },
      {
        title: "Sessions of the entries",
        query: 'haproxy_frontend_current_sessions{proxy="entry"}',
        legend: "{{instance}}",
      },
      {
        title: "Servers up",
        query: 'haproxy_backend_active_servers{proxy=~"es_.+"}',
        legend: "{{instance}}: {{proxy}}",
      },
      {
        title: "Time of a server",
        query: 'haproxy_backend_response_time_average_seconds{proxy=~"es_.+"}',
        legend: "{{instance}}: {{proxy}}",
        unit: "s",
      },
    ],
  },
  {
    title: "Elasticsearch",
    panels: [
      {
        title: "Nodes",
        query: "min by (cluster) (elasticsearch_cluster_health_number_of_nodes)",
        legend: "{{cluster}}",
      },
      {
        title: "Shards without a node",
        query: "max by (cluster) (elasticsearch_cluster_health_unassigned_shards)",
        legend: "{{cluster}}",
      },
      {
        title: "Operations",
        query: "sum by (cluster) (rate(elasticsearch_indices_indexing_index_total[5m]))",
        legend: "{{cluster}}",
        unit: "reqps",
      },
      {
        title: "Heap",
        query: 'elasticsearch_jvm_memory_used_bytes{area="heap"} / elasticsearch_jvm_memory_max_bytes{area="heap"}',
        legend: "{{name}}",
        unit: "percentunit",
      },
      {
        title: "Free on the data volume",
        query: "elasticsearch_filesystem_data_available_bytes / elasticsearch_filesystem_data_size_bytes",
        legend: "{{name}}",
        unit: "percentunit",
      },
    ],
  },
  {
    title: "etcd",
    panels: [
      { title: "Knows a leader", query: "etcd_server_has_leader", legend: "{{instance}}" },
      {
        title: "Changes of the leader within an hour",
        query: "increase(etcd_server_leader_changes_seen_total[1h])",
        legend: "{{instance}}",
      },
      {
        title: "Write to disk, 99 of 100",
        query:
          "histogram_quantile(0.99, sum by (instance, le) (rate(etcd_disk_wal_fsync_duration_seconds_bucket[5m])))",
        legend: "{{instance}}",
        unit: "s",
      },
      { title: "Data", query: "etcd_mvcc_db_total_size_in_bytes", legend: "{{instance}}", unit: "bytes" },
    ],
  },
  {
    title: "Hosts",
    panels: [
      {
        title: "Processors at work",
        query: '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
        legend: "{{instance}}",
        unit: "percentunit",
      },
      {
        title: "Free memory",
        query: "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
        legend: "{{instance}}",
        unit: "percentunit",
      },
      {
        title: "Sent",
        query: 'sum by (instance) (rate(node_network_transmit_bytes_total{device!="lo"}[5m]))',
        legend: "{{instance}}",
        unit: "bytes",
      },
      { title: "Clock", query: "abs(node_timex_offset_seconds)", legend: "{{instance}}", unit: "s" },
    ],
  },
];
