import type { Monitoring } from "../config/monitoring.ts";
import { duration } from "./duration.ts";
import { monitoringPaths } from "./paths.ts";
import type { ScrapeJob } from "./targets.ts";

/** Prometheus on the witness. */

/** On the witness's loopback alone: people read it through a tunnel by SSH. */
export const prometheusAddress = "127.0.0.1:9090";
export const alertmanagerAddress = "127.0.0.1:9093";

export function prometheusYml(jobs: readonly ScrapeJob[], { scrapeIntervalMs }: Monitoring): string {
  const interval = duration(scrapeIntervalMs);
  return `# Rendered by \`pulumi up\`, which overwrites changes made here.
global:
  scrape_interval: ${interval}
  scrape_timeout: ${duration(Math.min(scrapeIntervalMs, longestScrapeMs))}
  evaluation_interval: ${interval}
rule_files: [${monitoringPaths.rules}/*.yml]
alerting:
  alertmanagers:
    - static_configs: [{ targets: ["${alertmanagerAddress}"] }]
scrape_configs:
${jobs.map(scrapeConfig).join("")}  - job_name: prometheus
    static_configs: [{ targets: ["${prometheusAddress}"] }]
  - job_name: alertmanager
    static_configs: [{ targets: ["${alertmanagerAddress}"] }]
`;
}

/** Hosts over the ocean answer within a second; one that is cut off must not delay the next round. */
const longestScrapeMs = 5_000;

function scrapeConfig({ name, targets }: ScrapeJob): string {
  const { ca, certificate, key } = monitoringPaths;
  const rows = targets.map(
    ({ instance, site, address }) =>
      `      - { targets: ["${address}"], labels: { instance: ${instance}, site: ${site} } }\n`,
  );
  return `  - job_name: ${name}
    scheme: https
    tls_config: { ca_file: ${ca}, cert_file: ${certificate}, key_file: ${key} }
    static_configs:
${rows.join("")}`;
}

/** /etc/default/prometheus */
export function prometheusDefaults({ retentionDays, retentionGb }: Monitoring): string {
  return commandLine([
    `--web.listen-address=${prometheusAddress}`,
    `--storage.tsdb.retention.time=${retentionDays}d`,
    `--storage.tsdb.retention.size=${retentionGb}GB`,
  ]);
}

/** The environment file of one of Debian's units, which starts its program with these arguments. */
export function commandLine(args: readonly string[]): string {
  return `# Rendered by \`pulumi up\`.\nARGS="${args.join(" ")}"\n`;
}

/** The witness's vote and etcd come first: its disk, its memory and its processor. */
export const lessImportantDropIn = `# Rendered by \`pulumi up\`.
[Service]
CPUWeight=20
IOWeight=20
MemoryHigh=700M
MemoryMax=900M
OOMScoreAdjust=500
`;
