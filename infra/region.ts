import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Authority } from "./certificates.ts";
import { dnsNameOf } from "./config/dns.ts";
import { bothOf, signingKey, trustedCertificates } from "./config/rotation.ts";
import type { StackConfig } from "./config/schema.ts";
import { declaredOf } from "./declared.ts";
import { DnsRecords } from "./dns-records.ts";
import { Elasticsearch, elasticsearchScripts } from "./elasticsearch/elasticsearch.ts";
import { EtcdMember, etcdScripts } from "./etcd/etcd.ts";
import { Haproxy, type HaproxyHost, haproxyScripts, installHaproxy } from "./haproxy/haproxy.ts";
import { holdVirtualAddress, virtualAddressScripts } from "./haproxy/virtual-address.ts";
import { type Instance, Instances } from "./instances/instances.ts";
import type { MonitoringSecrets } from "./monitoring/host-files.ts";
import { HostMonitoring } from "./monitoring/monitoring.ts";
import { PrivateNetwork } from "./network.ts";
import { type EntryOutput, entryOutputs, type HostOutput, hostOutputs } from "./outputs.ts";
import { checkHost, type HostSetting, type PreparedHost, prepareHost } from "./provision/prepared-host.ts";
import { SecurityGroups } from "./security-groups.ts";
import { hostsOf, type RegionPlan, regionPlan, type Topology, virtualAddressOf } from "./topology/model.ts";
import { planTopology } from "./topology/plan.ts";
import {
  createWatchdogUser,
  installWatchdog,
  Watchdog,
  type WatchdogBundle,
  watchdogScripts,
} from "./watchdog/watchdog.ts";

export interface RegionArgs {
  readonly config: StackConfig;
  readonly bundle: WatchdogBundle;
}

/** Everything of one site: a region, or the witness. It uses no output of another site's stack. */
export class Region extends pulumi.ComponentResource {
  readonly hosts: pulumi.Output<Record<string, HostOutput>>;
  readonly entry: pulumi.Output<EntryOutput>;

  private readonly config: StackConfig;
  private readonly topology: Topology;
  private readonly authority: Authority;
  private readonly network: PrivateNetwork;

  constructor(name: string, { config, bundle }: RegionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:index:Region", name, {}, opts);
    this.config = config;
    this.topology = planTopology(config);
    this.authority = {
      certificatePem: `${bothOf(config, "caCertificate")[0]}\n`,
      trustedPem: trustedCertificates(config),
      privateKeyPem: pulumi.secret(`${signingKey(config)}\n`),
    };
    const site = regionPlan(this.topology, config.region);
    this.network = new PrivateNetwork(
      site.name,
      { serviceName: config.serviceName, region: site, network: config.network },
      { parent: this },
    );
    const instances = this.instances(site);
    const nodes = instances.filter(({ host }) => host.role === "elasticsearch");
    const clusters = nodes.length > 0 ? [this.elasticsearch(nodes)] : [];
    const watchdogs = instances
      .filter(({ host }) => host.role !== "elasticsearch")
      .map((instance) => this.watchdog(instance, bundle));
    holdVirtualAddress(
      site,
      watchdogs.map(({ host }) => host),
      { parent: this, after: [...clusters, ...watchdogs.flatMap(({ steps }) => steps)] },
    );

    const entries = instances.filter(({ host }) => host.role === "haproxy");
    if (dnsNameOf(config.dns, config.region) !== undefined) {
      new DnsRecords(config.region, { config, topology: this.topology, entries }, { parent: this });
    }
    this.hosts = hostOutputs(instances, config);
    this.entry = entryOutputs(this.topology, instances, dnsNameOf(config.dns, config.region));
    this.registerOutputs({ hosts: this.hosts, entry: this.entry, declared: declaredOf(config, this.topology) });
  }

  private instances(region: RegionPlan): readonly Instance[] {
    const { config, network, topology } = this;
    const parent = { parent: this };
    const { serviceName } = config;
    const securityGroups = new SecurityGroups(region.name, { serviceName, region, topology }, parent);
    return new Instances(region.name, { config, region, network, securityGroups }, parent).instances;
  }

  private get setting(): HostSetting {
    return { config: this.config, topology: this.topology, egress: this.network.egress, parent: this };
  }

  private elasticsearch(instances: readonly Instance[]): pulumi.Resource {
    const { config } = this;
    const elastic = this.elasticPassword();
    const hosts = instances.map((instance) => prepareHost(this.setting, instance, elasticsearchScripts));
    const exporter = config.monitoring === null ? undefined : this.exporterPassword();
    const cluster = new Elasticsearch(
      config.region,
      {
        topology: this.topology,
        config,
        authority: this.authority,
        nodes: hosts.map((host) => ({ ...host, dataVolumeId: host.dataVolumeId ?? "" })),
        elasticPassword: elastic.result,
        initialMasterNodes: elastic.keepers.apply((keepers) => keepers?.["initialMasterNodes"] ?? ""),
        passwords: pulumi.secret({
          watchdog: bothOf(config, "watchdogPassword")[0],
          haproxyCheck: bothOf(config, "haproxyCheckPassword")[0],
          app: config.appPassword,
          ...(exporter === undefined ? {} : { exporter: exporter.result }),
        }),
      },
      { parent: this },
    );
    for (const host of hosts) {
      checkHost(this.setting, host, [cluster.ready]);
      this.monitoring(host, { exporter: exporter?.result }, [cluster]);
    }
    return cluster;
  }

  /** The exporter and its user are in this region alone, so that no other stack needs to know it. */
  private exporterPassword(): random.RandomPassword {
    return new random.RandomPassword(
      `${this.config.region}-exporter`,
      { length: 32, special: false },
      { parent: this },
    );
  }

  /** Last on its host: nothing waits for it. */
  private monitoring(
    host: PreparedHost,
    secrets: { readonly [Key in keyof MonitoringSecrets]: pulumi.Input<string | undefined> },
    after: readonly pulumi.Resource[],
  ): void {
    const { config, topology, authority } = this;
    const { monitoring } = config;
    if (monitoring === null) return;
    const args = { host, topology, monitoring, authority, secrets: pulumi.secret(secrets), after };
    new HostMonitoring(`${host.name}-monitoring`, args, { parent: this });
  }

  /** Created with the region, it records the nodes planned at that moment: only those may form a cluster. */
  private elasticPassword(): random.RandomPassword {
    const { region } = this.config;
    const planned = hostsOf(regionPlan(this.topology, region), "elasticsearch").map(({ name }) => name);
    return new random.RandomPassword(
      `${region}-elastic`,
      { length: 32, special: false, keepers: { initialMasterNodes: planned.join(",") } },
      { parent: this, ignoreChanges: ["keepers"] },
    );
  }

  /** A host with a watchdog: a HAProxy host or the witness. One of each site has a member of etcd, too. */
  private watchdog(
    instance: Instance,
    bundle: WatchdogBundle,
  ): { readonly host: PreparedHost; readonly steps: readonly pulumi.Resource[] } {
    const { config, topology, authority } = this;
    const isRouter = instance.host.role === "haproxy";
    const isMember = topology.etcdMembers.some(({ name }) => name === instance.host.name);
    const routerScripts = [
      ...haproxyScripts,
      ...(virtualAddressOf(topology, instance.host).length > 0 ? virtualAddressScripts : []),
    ];
    const scripts = [...watchdogScripts, ...(isRouter ? routerScripts : []), ...(isMember ? etcdScripts : [])];
    const host = prepareHost(this.setting, instance, scripts);
    const user = createWatchdogUser(host, { parent: this, after: [host.ready] });
    const installed = isRouter ? installHaproxy(host, { parent: this, after: [user] }) : user;
    const release = installWatchdog(host, bundle, { parent: this, after: [installed] });
    const member = isMember ? [this.etcdMember(host, release)] : [];
    const routing = isRouter ? [this.haproxy(host, release)] : [];
    const passwords = pulumi.secret({
      elasticsearch: bothOf(config, "watchdogPassword"),
      etcd: bothOf(config, "etcdPassword"),
      canary: bothOf(config, "haproxyCheckPassword"),
      page: config.page?.authentication === "password" ? (config.pagePassword ?? null) : null,
      notifications: config.notificationSecrets,
    });
    const watchdog = new Watchdog(
      host.name,
      { topology, host, config, version: bundle.version, authority, passwords, after: [release, ...routing] },
      { parent: this },
    );
    checkHost(this.setting, host, [...member, watchdog]);
    const { deadMansSwitchUrl, alertsSecret } = config;
    const secrets = host.host.role === "witness" ? { deadMansSwitchUrl, alertsSecret } : {};
    const steps = [watchdog, ...member];
    this.monitoring(host, secrets, steps);
    return { host, steps };
  }

  private etcdMember(host: HaproxyHost, command: pulumi.Resource): pulumi.Resource {
    const { config, topology, authority } = this;
    const passwords = pulumi.secret({ root: config.etcdRootPassword, user: bothOf(config, "etcdPassword")[0] });
    return new EtcdMember(host.name, { topology, host, config, authority, passwords, command }, { parent: this });
  }

  /** HAProxy's configuration, which the watchdog's command installs. */
  private haproxy(host: HaproxyHost, command: pulumi.Resource): pulumi.Resource {
    const { config, topology, authority } = this;
    const checkPassword = pulumi.secret(bothOf(config, "haproxyCheckPassword")[0]);
    const { entryNames } = config;
    const withMetrics = config.monitoring !== null;
    const args = { topology, host, authority, checkPassword, entryNames, withMetrics, command };
    return new Haproxy(host.name, args, { parent: this }).ready;
  }
}
