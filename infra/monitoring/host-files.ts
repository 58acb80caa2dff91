import type { Monitoring } from "../config/monitoring.ts";
import { contentHash, type HostFile } from "../provision/remote.ts";
import type { Host, Topology } from "../topology/model.ts";
import { ruleFiles, withDelays } from "./alert-rules.ts";
import { alertmanagerDefaults, alertmanagerYml } from "./alertmanager-files.ts";
import {
  elasticsearchExporterDefaults,
  elasticsearchExporterDropIn,
  elasticsearchExporterEnvironment,
  exporterTls,
  nodeExporterDefaults,
  nodeExporterDropIn,
} from "./exporter-files.ts";
import { monitoringPaths } from "./paths.ts";
import { lessImportantDropIn, prometheusDefaults, prometheusYml } from "./prometheus-files.ts";
import { scrapeJobs } from "./targets.ts";

export interface MonitoringSecrets {
  /** Password of the exporter's user of Elasticsearch, on its nodes. */
  readonly exporter?: string | undefined;
  readonly deadMansSwitchUrl?: string | undefined;
  readonly alertsSecret?: string | undefined;
}

export interface MonitoredHost {
  readonly host: Host;
  readonly topology: Topology;
  readonly monitoring: Monitoring;
}

/** A service of Debian, named as its package, and what it runs with. */
interface Service {
  readonly name: string;
  readonly files: readonly HostFile[];
}

/** The packages of a host, which are its services. */
export function packagesOf({ role }: Host): readonly string[] {
  return [
    "prometheus-node-exporter",
    ...(role === "elasticsearch" ? ["prometheus-elasticsearch-exporter"] : []),
    ...(role === "witness" ? ["prometheus", "prometheus-alertmanager"] : []),
  ];
}

/** Input of configure.sh. A renewed certificate restarts nothing: every program reads its files again by itself. */
export function configureInput(
  monitored: MonitoredHost,
  tls: { readonly ca: string; readonly certificate: string; readonly privateKey: string },
  secrets: MonitoringSecrets,
): string {
  const services = servicesOf(monitored, secrets);
  const shared = [
    forAll(monitoringPaths.ca, tls.ca),
    forAll(monitoringPaths.certificate, tls.certificate),
    closed(monitoringPaths.key, tls.privateKey),
    forAll(monitoringPaths.exporterTls, exporterTls),
  ];
  return JSON.stringify({
    services: Object.fromEntries(
      services.map(({ name, files }) => [name, contentHash(tls.ca, ...files.map(({ content }) => content))]),
    ),
    files: [...shared, ...services.flatMap(({ files }) => files)],
  });
}

function servicesOf({ host, topology, monitoring }: MonitoredHost, secrets: MonitoringSecrets): readonly Service[] {
  const defaults = (name: string, content: string) => forAll(`/etc/default/${name}`, content);
  const dropIn = (name: string, content: string) =>
    forAll(`/etc/systemd/system/${name}.service.d/es-failover.conf`, content);
  const service = (name: string, args: string, addition: string, files: readonly HostFile[] = []): Service => ({
    name,
    files: [defaults(name, args), dropIn(name, addition), ...files],
  });
  const nodeExporter = service("prometheus-node-exporter", nodeExporterDefaults(host), nodeExporterDropIn);
  switch (host.role) {
    case "haproxy":
      return [nodeExporter];
    case "elasticsearch": {
      const environment = elasticsearchExporterEnvironment(secrets.exporter ?? "");
      const rootOnly: HostFile = { path: monitoringPaths.exporterEnvironment, content: environment, mode: "0600" };
      const name = "prometheus-elasticsearch-exporter";
      return [
        nodeExporter,
        service(name, elasticsearchExporterDefaults(host), elasticsearchExporterDropIn, [rootOnly]),
      ];
    }
    case "witness": {
      const settings = forAll(monitoringPaths.config, prometheusYml(scrapeJobs(topology), monitoring));
      const rules = Object.entries(ruleFiles()).map(([name, text]) =>
        forAll(`${monitoringPaths.rules}/${name}`, withDelays(text, monitoring.alertDelaysMs)),
      );
      return [
        nodeExporter,
        service("prometheus", prometheusDefaults(monitoring), lessImportantDropIn, [settings, ...rules]),
        service("prometheus-alertmanager", alertmanagerDefaults, lessImportantDropIn, [
          forAll(monitoringPaths.alertmanager, alertmanagerYml(monitoring)),
          closed(monitoringPaths.deadMansSwitchUrl, secrets.deadMansSwitchUrl ?? ""),
          ...(secrets.alertsSecret === undefined ? [] : [closed(monitoringPaths.alertsSecret, secrets.alertsSecret)]),
        ]),
      ];
    }
    default:
      return host.role satisfies never;
  }
}

const forAll = (path: string, content: string): HostFile => ({ path, content, mode: "0644" });
const closed = (path: string, content: string): HostFile => ({ path, content, mode: "0640", group: "prometheus" });
