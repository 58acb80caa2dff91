import type { Monitoring } from "../config/monitoring.ts";
import { monitoringPaths } from "./paths.ts";
import { alertmanagerAddress, commandLine } from "./prometheus-files.ts";

/** Alertmanager on the witness: alerts to one receiver, and the dead-man's switch to another, outside of these sites. */

/** An alert about the same, which the second one makes superfluous. */
const inhibitions = [
  ["EsFailoverNotReadyLong", "EsFailoverNotReady", []],
  ["EsFailoverNotInSyncLong", "EsFailoverNotInSync", []],
  ["EsFailoverLicenceEndsSoon", "EsFailoverLicenceEnds", ["region"]],
  ["EsFailoverCertificateEndsSoon", "EsFailoverCertificateEnds", ["instance", "file"]],
  ["ElasticsearchRed", "ElasticsearchYellow", ["cluster"]],
  ["ElasticsearchDiskFull", "ElasticsearchDisk", ["name"]],
] as const;

export function alertmanagerYml({ alerts }: Monitoring): string {
  const rules = inhibitions.map(
    ([source, target, equal]) =>
      `  - { source_matchers: ['alertname="${source}"'], target_matchers: ['alertname="${target}"'], equal: [${equal.join(", ")}] }\n`,
  );
  return `# Rendered by \`pulumi up\`, which overwrites changes made here.
route:
  receiver: alerts
  group_by: [alertname]
  group_wait: 10s
  group_interval: 1m
  repeat_interval: 4h
  routes:
    - receiver: dead-mans-switch
      matchers: ['alertname="EsFailoverDeadMansSwitch"']
      group_wait: 0s
      group_interval: 1m
      # Less than the interval of a group, so that each minute sends one.
      repeat_interval: 50s
inhibit_rules:
${rules.join("")}receivers:
  - name: dead-mans-switch
    webhook_configs:
      - { url_file: ${monitoringPaths.deadMansSwitchUrl}, send_resolved: false }
  - name: alerts
${receiver(alerts)}`;
}

function receiver(alerts: Monitoring["alerts"]): string {
  const file = monitoringPaths.alertsSecret;
  switch (alerts.kind) {
    case "webhook":
      return `    webhook_configs: [{ url_file: ${file}, send_resolved: true }]\n`;
    case "slack":
      return `    slack_configs:
      - api_url_file: ${file}
        send_resolved: true
        title: '{{ .Status | toUpper }}: {{ .CommonLabels.alertname }} ({{ .Alerts | len }})'
        text: '{{ range .Alerts }}{{ .Annotations.summary }}: {{ .Annotations.description }} ({{ .Annotations.runbook_url }}){{ "\\n" }}{{ end }}'
`;
    case "email": {
      const { to, from, smarthost, username } = alerts;
      const login =
        username === null ? "" : `, auth_username: ${JSON.stringify(username)}, auth_password_file: ${file}`;
      return `    email_configs:
      - { to: "${to}", from: "${from}", smarthost: "${smarthost}", require_tls: true, send_resolved: true${login} }
`;
    }
    default:
      return alerts satisfies never;
  }
}

/** /etc/default/prometheus-alertmanager: a single one, without gossip. */
export const alertmanagerDefaults: string = commandLine([
  `--web.listen-address=${alertmanagerAddress}`,
  "--cluster.listen-address=",
]);
