import { users } from "../../watchdog/config/roles.ts";
import type { Host } from "../topology/model.ts";
import { ports } from "../topology/ports.ts";
import { monitoringPaths } from "./paths.ts";
import { commandLine } from "./prometheus-files.ts";

/** Debian's exporters, on the private address, for clients with a certificate of the deployment. */

/** The exporters read it, and the files that it names, again at each connection. */
export const exporterTls = `# Rendered by \`pulumi up\`.
tls_server_config:
  cert_file: ${monitoringPaths.certificate}
  key_file: ${monitoringPaths.key}
  client_ca_file: ${monitoringPaths.ca}
  client_auth_type: RequireAndVerifyClientCert
  min_version: TLS12
`;

export function nodeExporterDefaults({ privateIp }: Host): string {
  return commandLine([
    `--web.listen-address=${privateIp}:${ports.nodeExporter}`,
    `--web.config.file=${monitoringPaths.exporterTls}`,
    "--collector.systemd",
    "--collector.systemd.unit-include=.+[.]service",
  ]);
}

/** The statistics of its own node, and the health of the cluster as this node sees it. */
export function elasticsearchExporterDefaults({ privateIp }: Host): string {
  return commandLine([
    `--web.listen-address=${privateIp}:${ports.elasticsearchExporter}`,
    `--web.config.file=${monitoringPaths.exporterTls}`,
    `--es.uri=https://127.0.0.1:${ports.elasticsearchHttp}`,
    `--es.ca=${monitoringPaths.ca}`,
  ]);
}

/** At a boot the private address may come later than the exporter. */
const restarts = `[Unit]
StartLimitIntervalSec=0

[Service]
Restart=on-failure
RestartSec=5
`;

export const nodeExporterDropIn = `# Rendered by \`pulumi up\`.\n${restarts}`;

/** Arguments show to every user of the host, so that user and password come by the environment. */
export const elasticsearchExporterDropIn = `${nodeExporterDropIn}EnvironmentFile=${monitoringPaths.exporterEnvironment}\n`;

export function elasticsearchExporterEnvironment(password: string): string {
  return `ES_USERNAME=${users.exporter.name}\nES_PASSWORD=${password}\n`;
}
