import { PAGE_PORT } from "../../watchdog/config/page.ts";
import type { FirewallGroup } from "./model.ts";

/** Where the services of a deployment listen. */
export const ports = {
  ssh: 22,
  /** Elasticsearch's HTTP interface. */
  elasticsearchHttp: 9200,
  /** Elasticsearch's transport: within a region, and between the regions for replication unless API keys secure that. */
  elasticsearchTransport: 9300,
  /** Where an Elasticsearch node accepts the other region's cluster with an API key. */
  remoteCluster: 9443,
  /** The entry for applications, on the HAProxy hosts. */
  entry: 9200,
  /** etcd's interface for clients: the watchdogs, and members that check whether a cluster exists. */
  etcdClient: 2379,
  /** Between the members of etcd. */
  etcdPeer: 2380,
  /** Where members of etcd that wait to found a cluster tell each other so. */
  etcdFounder: 2378,
  /** Where watchdogs ask each other for failsafe grants while etcd is unavailable. */
  failsafe: 9443,
  /** The endpoint service for applications, on the HAProxy hosts. */
  endpoint: 9201,
  /** Metrics of the watchdogs, for Prometheus. */
  metrics: 9444,
  /** Status page of the watchdogs, for people. */
  page: PAGE_PORT,
  /** Metrics of every host, by the node exporter. */
  nodeExporter: 9100,
  /** Metrics of an Elasticsearch node, by the exporter beside it. */
  elasticsearchExporter: 9114,
  /** Metrics of HAProxy, by its own exporter. */
  haproxyMetrics: 8405,
  /** Metrics of a member of etcd, apart from its interface for clients. */
  etcdMetrics: 2381,
} as const;

/** What Prometheus on the witness alone may read, by the hosts that have it. */
export const exporterPorts = {
  elasticsearch: [ports.nodeExporter, ports.elasticsearchExporter],
  haproxy: [ports.nodeExporter, ports.haproxyMetrics],
  witness: [ports.nodeExporter],
  etcd: [ports.etcdMetrics],
} as const satisfies Readonly<Record<FirewallGroup, readonly number[]>>;
