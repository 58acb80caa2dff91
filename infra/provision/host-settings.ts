import type { FixableSetting } from "../config/fixable-settings.ts";
import type { StackConfig } from "../config/schema.ts";
import { firewallGroupsOf, gatewayOf, type Host, type Role, type Topology } from "../topology/model.ts";
import type { HostFile } from "./remote.ts";
import { upgradeFiles } from "./security-upgrades.ts";

/** What the software of each role asks of its host. settings.sh sets it, check-host.py looks at what is in effect. */

interface KernelSetting {
  readonly key: FixableSetting;
  readonly value: number;
  /** Whether a larger or a smaller value serves as well. */
  readonly bound: "least" | "most";
  readonly why: string;
}

const kernelSettings: Readonly<Record<Role, readonly KernelSetting[]>> = {
  elasticsearch: [
    {
      key: "vm.max_map_count",
      value: 1_048_576,
      bound: "least",
      why: "Elasticsearch maps the files of its indices; its documentation names this minimum",
    },
    {
      key: "net.ipv4.tcp_retries2",
      value: 5,
      bound: "most",
      // https://www.elastic.co/docs/deploy-manage/deploy/self-managed/system-config-tcpretries
      why: "requests to a machine that has lost its power, those of replication among them, fail after 13 s and not after 15 min",
    },
  ],
  haproxy: [
    {
      key: "net.core.somaxconn",
      value: 16_384,
      bound: "least",
      why: "it bounds HAProxy's backlog, and after a failover every application connects at once",
    },
    {
      key: "net.ipv4.tcp_max_syn_backlog",
      value: 16_384,
      bound: "least",
      why: "after a failover every application connects at once",
    },
  ],
  witness: [],
};

/** Elasticsearch slows down by orders of magnitude once its heap is swapped. */
const leastSwappiness = { key: "vm.swappiness", value: 1 };

/** Open files, connections among them, by the name of the service. Each raises its soft limit to the hard one itself. */
const openFiles = {
  /** Elasticsearch refuses to start with fewer. */
  elasticsearch: 65_535,
  /** Two per request that passes: 32,000 at once. */
  haproxy: 65_536,
  etcd: 65_536,
} as const;

const sysctlFile = "/etc/sysctl.d/60-es-failover.conf";

/** The kernel's settings of a role, as a file of sysctl.d. */
export function kernelSettingsFile(role: Role): HostFile {
  const lines = [
    ...kernelSettings[role].map(({ key, value, why }) => `# ${why}\n${key} = ${value}`),
    ...(role === "elasticsearch"
      ? [`# the heap stays in memory\n${leastSwappiness.key} = ${leastSwappiness.value}`]
      : []),
  ];
  return { path: sysctlFile, content: `${["# Rendered by `pulumi up`.", ...lines].join("\n")}\n`, mode: "0644" };
}

/** The keys that settings.sh puts in effect. */
function kernelKeys(role: Role): readonly string[] {
  const keys = kernelSettings[role].map(({ key }) => key);
  return role === "elasticsearch" ? [...keys, leastSwappiness.key] : keys;
}

/** Input of settings.sh. */
export function settingsInput(
  topology: Topology,
  host: Host,
  config: Pick<StackConfig, "fixedHostSettings" | "securityUpgrades">,
): Readonly<Record<string, unknown>> {
  return {
    kernelKeys: kernelKeys(host.role).join(" "),
    fixed: config.fixedHostSettings.join(" "),
    securityUpgrades: config.securityUpgrades,
    files: [kernelSettingsFile(host.role), ...upgradeFiles(topology, host, config)],
  };
}

/** Input of check-host.py. */
export function checkInput(
  topology: Topology,
  host: Host,
  { fixedHostSettings }: Pick<StackConfig, "fixedHostSettings">,
): string {
  const { role, privateIp } = host;
  const isMember = firewallGroupsOf(topology, host).includes("etcd");
  const services = [...(role === "witness" ? [] : [role]), ...(isMember ? (["etcd"] as const) : [])];
  return JSON.stringify({
    kernel: kernelSettings[role].map(({ key, value, bound, why }) => ({ key, [bound]: value, why })),
    openFiles: Object.fromEntries(services.map((service) => [service, openFiles[service]])),
    swap: role === "elasticsearch" ? leastSwappiness.value : null,
    route: { privateIp, gateway: gatewayOf(topology, host) },
    fixed: fixedHostSettings,
  });
}
