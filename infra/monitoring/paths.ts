const directory = "/etc/prometheus";

/** Files of the monitoring on its hosts. Debian's exporters, Prometheus and Alertmanager run as the user prometheus. */
export const monitoringPaths = {
  config: `${directory}/prometheus.yml`,
  rules: `${directory}/rules`,
  alertmanager: `${directory}/alertmanager.yml`,
  /** Of the receiver outside that complains when alerting stops. */
  deadMansSwitchUrl: `${directory}/secrets/dead-mans-switch-url`,
  alertsSecret: `${directory}/secrets/alerts-secret`,
  /** Shown by the exporters as servers, and by Prometheus as their client. */
  ca: `${directory}/es-failover-ca.crt`,
  certificate: `${directory}/es-failover.crt`,
  key: `${directory}/es-failover.key`,
  exporterTls: `${directory}/es-failover-web.yml`,
  /** User and password of Elasticsearch's exporter, which systemd reads as root. */
  exporterEnvironment: `${directory}/elasticsearch-exporter.env`,
} as const;
