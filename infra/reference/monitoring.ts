import { monitoringSchema } from "../config/monitoring.ts";
import { alertmanagerYml } from "../monitoring/alertmanager-files.ts";
import { dashboardJson, dashboards } from "../monitoring/dashboards.ts";
import { prometheusYml } from "../monitoring/prometheus-files.ts";
import { scrapeJobs } from "../monitoring/targets.ts";
import { planTopology } from "../topology/plan.ts";

/** The files of monitoring/ for a team's own Prometheus, Alertmanager and Grafana, by their paths there. */
export function monitoringFiles(): Readonly<Record<string, string>> {
  const monitoring = monitoringSchema.parse({ alerts: { kind: "webhook" } });
  if (monitoring === null) throw new Error("a section is expected");
  return {
    "prometheus.yml": ownFile(prometheusYml(scrapeJobs(examplePlan()), monitoring)),
    "alertmanager.yml": ownFile(alertmanagerYml(monitoring)),
    ...Object.fromEntries(
      dashboards.map((dashboard) => [`dashboards/${dashboard.name}.json`, dashboardJson(dashboard)]),
    ),
  };
}

/** The sites of the project's own Pulumi.yaml. */
function examplePlan() {
  const addresses = { publicAddresses: "all", gatewayModel: "S" } as const;
  const region = {
    ...addresses,
    zones: ["z1", "z2", "z3"],
    availabilityZones: false,
    elasticsearchNodes: 3,
    haproxyNodes: 2,
  };
  return planTopology({
    regions: {
      gra: { ...region, ovhRegion: "GRA11", cidr: "192.168.1.0/24" },
      bhs: { ...region, ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
    },
    witness: { ...addresses, ovhRegion: "DE1", cidr: "192.168.3.0/24" },
    network: { cidr: "192.168.0.0/16", vlanId: 42 },
    adminCidrs: [],
    clientCidrs: [],
  });
}

const ownFile = (rendered: string): string =>
  rendered.replace(
    /^#.*\n/,
    "# Written by `npm run docs`, for the addresses of the project's own Pulumi.yaml: see docs/monitoring.md.\n",
  );
