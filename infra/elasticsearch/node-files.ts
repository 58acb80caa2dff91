import type { StackConfig } from "../config/schema.ts";
import type { HostFile } from "../provision/remote.ts";
import { type Host, hostsOf, otherRegion, regionPlan, type Topology } from "../topology/model.ts";
import { ports } from "../topology/ports.ts";
import { snapshotClientSettings } from "./snapshots.ts";

/** The files that make a host an Elasticsearch node of its region. Provisioning writes each file as a whole. */

export const configDirectory = "/etc/elasticsearch";
export const dataDirectory = "/var/lib/elasticsearch";

const unicastHostsFile = `${configDirectory}/unicast_hosts.txt`;

/**
 * In sniff mode a few addresses are enough to discover all nodes of the other region. With the first three only, growth
 * of the other region changes neither this file nor the running nodes.
 */
const remoteSeedCount = 3;

export interface NodeFileOptions {
  readonly topology: Topology;
  readonly host: Host;
  readonly licence: StackConfig["elasticsearch"]["licence"];
  readonly snapshots: StackConfig["snapshots"];
  readonly remoteClusterSecurity: StackConfig["remoteClusterSecurity"];
}

/** A node's configuration without its certificate. */
export function nodeFiles(
  host: Host,
  {
    topology,
    config,
  }: {
    readonly topology: Topology;
    readonly config: Pick<StackConfig, "elasticsearch" | "snapshots" | "remoteClusterSecurity">;
  },
): HostFile[] {
  const file = (path: string, content: string): HostFile => ({ path, content, mode: "0660", group: "elasticsearch" });
  const { licence, heap } = config.elasticsearch;
  const { snapshots, remoteClusterSecurity } = config;
  return [
    file(
      `${configDirectory}/elasticsearch.yml`,
      elasticsearchYml({ topology, host, licence, snapshots, remoteClusterSecurity }),
    ),
    file(`${configDirectory}/jvm.options.d/es-failover.options`, jvmOptions(heap)),
    file(unicastHostsFile, unicastHosts(topology, host.region)),
  ];
}

/** Whether the node has to restart to use a changed file. Elasticsearch rereads its list of hosts by itself. */
export function needsRestart(file: HostFile): boolean {
  return file.path !== unicastHostsFile;
}

/** elasticsearch.yml. Growth of the node's own region does not change it: see `unicastHosts`. */
export function elasticsearchYml(options: NodeFileOptions): string {
  const { host, licence, snapshots } = options;
  return [
    ownClusterSettings(host),
    remoteClusterSettings(options),
    `xpack.license.self_generated.type: ${licence === "trial" ? "trial" : "basic"}\n`,
    securitySettings,
    options.remoteClusterSecurity === "api_key" ? remoteServerSettings(host) : [],
    snapshotClientSettings(snapshots) ?? [],
  ]
    .flat()
    .join("\n");
}

function ownClusterSettings(host: Host): string {
  return `# Rendered by \`pulumi up\`, which overwrites changes made here.
cluster.name: ${host.region}
node.name: ${host.name}

# A copy of each shard in another zone than its primary.
node.attr.zone: ${host.zone}
cluster.routing.allocation.awareness.attributes: zone

path.data: ${dataDirectory}
path.logs: /var/log/elasticsearch

network.host: [_local_, ${host.privateIp}]
network.publish_host: ${host.privateIp}
http.port: ${ports.elasticsearchHttp}
# For clients that ask for it: a watchdog reads the state of thousands of indices over the ocean. Off by default with TLS.
http.compression: true
transport.port: ${ports.elasticsearchTransport}

# The other nodes are in unicast_hosts.txt, which Elasticsearch rereads when it changes: growth restarts no node.
discovery.seed_providers: file

# A promotion closes and opens every index, and Elasticsearch restarts their shards from the node's own disk, four at a time by
# default, while writers wait.
cluster.routing.allocation.node_initial_primaries_recoveries: ${initialPrimariesRecoveries}
`;
}

/** 240 small indices on one node, two busy cores: closed and opened in 14 s, by the default of 4 in 64 s and more. */
export const initialPrimariesRecoveries = 32;

function remoteClusterSettings({ topology, host, remoteClusterSecurity }: NodeFileOptions): string {
  const remote = otherRegion(topology, host.region);
  const port = remoteClusterSecurity === "api_key" ? ports.remoteCluster : ports.elasticsearchTransport;
  const seeds = hostsOf(remote, "elasticsearch")
    .slice(0, remoteSeedCount)
    .map(({ privateIp }) => `${privateIp}:${port}`);
  return `# Both regions have the other as a remote cluster; this file does not decide in which direction replication runs.
cluster.remote.${remote.name}.mode: sniff
cluster.remote.${remote.name}.seeds: [${seeds.join(", ")}]
# An idle follower only waits for its leader's next operation. If the answer is lost with the connection, only the
# kernel's keep-alive, minutes later, would detect it.
cluster.remote.${remote.name}.transport.ping_schedule: 5s
# How long a node that starts while the other region is unreachable waits before it joins its own cluster (default 30 s).
cluster.remote.initial_connect_timeout: 5s
`;
}

const securitySettings = `xpack.security.enabled: true
xpack.security.enrollment.enabled: false
xpack.security.transport.ssl.enabled: true
xpack.security.transport.ssl.verification_mode: full
xpack.security.transport.ssl.client_authentication: required
xpack.security.transport.ssl.key: certs/node.key
xpack.security.transport.ssl.certificate: certs/node.crt
xpack.security.transport.ssl.certificate_authorities: [certs/ca.crt]
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.key: certs/node.key
xpack.security.http.ssl.certificate: certs/node.crt
xpack.security.http.ssl.certificate_authorities: [certs/ca.crt]
`;

function remoteServerSettings(host: Host): string {
  return `# The other region connects here with an API key, as this node does there. The key is in the keystore.
remote_cluster_server.enabled: true
remote_cluster.host: ${host.privateIp}
remote_cluster.port: ${ports.remoteCluster}
xpack.security.remote_cluster_server.ssl.enabled: true
xpack.security.remote_cluster_server.ssl.client_authentication: required
xpack.security.remote_cluster_server.ssl.key: certs/node.key
xpack.security.remote_cluster_server.ssl.certificate: certs/node.crt
xpack.security.remote_cluster_server.ssl.certificate_authorities: [certs/ca.crt]
xpack.security.remote_cluster_client.ssl.enabled: true
xpack.security.remote_cluster_client.ssl.verification_mode: full
xpack.security.remote_cluster_client.ssl.key: certs/node.key
xpack.security.remote_cluster_client.ssl.certificate: certs/node.crt
xpack.security.remote_cluster_client.ssl.certificate_authorities: [certs/ca.crt]
`;
}

/** unicast_hosts.txt: where a node discovers the others of its own region. */
export function unicastHosts(topology: Topology, region: string): string {
  const nodes = hostsOf(regionPlan(topology, region), "elasticsearch");
  return `# Rendered by \`pulumi up\`.\n${nodes.map((node) => `${transportAddress(node)}\n`).join("")}`;
}

/** jvm.options.d/es-failover.options. Without a heap size Elasticsearch chooses one by the host's memory. */
export function jvmOptions(heap: string | undefined): string {
  const size = heap === undefined ? "# Heap: sized by Elasticsearch itself.\n" : `-Xms${heap}\n-Xmx${heap}\n`;
  return `# Rendered by \`pulumi up\`.\n${size}`;
}

export const unitDropIn = "/etc/systemd/system/elasticsearch.service.d/data-volume.conf";

/**
 * Without its data volume the node would start empty on the system disk. The volume is `nofail` in fstab, so nothing else
 * makes the service wait for it.
 */
export const dataVolumeDropIn = `# Rendered by \`pulumi up\`.
[Unit]
RequiresMountsFor=${dataDirectory}
`;

function transportAddress(host: Host): string {
  return `${host.privateIp}:${ports.elasticsearchTransport}`;
}
