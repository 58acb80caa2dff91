import type { Host, Topology } from "../topology/model.ts";
import { ports } from "../topology/ports.ts";

/** What Prometheus reads, from the plan of all sites. Every job is https, with a client's certificate of the deployment. */

export interface ScrapeJob {
  readonly name: string;
  readonly targets: readonly Target[];
}

export interface Target {
  /** Name of the host, which is the label `instance`. */
  readonly instance: string;
  readonly site: string;
  readonly address: string;
}

export function scrapeJobs({ hosts, watchdogs, etcdMembers }: Topology): readonly ScrapeJob[] {
  const ofRole = (role: Host["role"]) => hosts.filter((host) => host.role === role);
  return [
    // The alerts rely on this name.
    job("es-failover", watchdogs, ports.metrics),
    job("node", hosts, ports.nodeExporter),
    job("elasticsearch", ofRole("elasticsearch"), ports.elasticsearchExporter),
    job("haproxy", ofRole("haproxy"), ports.haproxyMetrics),
    job("etcd", etcdMembers, ports.etcdMetrics),
  ];
}

function job(name: string, hosts: readonly Host[], port: number): ScrapeJob {
  const targets = hosts.map((host) => ({
    instance: host.name,
    site: host.region,
    address: `${host.privateIp}:${port}`,
  }));
  return { name, targets };
}
