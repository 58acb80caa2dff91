import { type Host, hostsOf, otherRegion, ports, regionPlan, type Topology } from "../topology.ts";

/** The files that make a host an Elasticsearch node of its region. All are written whole: nothing else adds to them. */

export const configDirectory = "/etc/elasticsearch";
export const dataDirectory = "/var/lib/elasticsearch";

/**
 * In sniff mode a few addresses are enough to learn all nodes of the other region. Naming the first three only keeps
 * this file, and so the nodes, untouched when the other region grows.
 */
const remoteSeedCount = 3;

export interface NodeFileOptions {
  readonly topology: Topology;
  readonly host: Host;
  readonly licence: "trial" | "file";
}

/** elasticsearch.yml. Growth of the node's own region does not change it either: see `unicastHosts`. */
export function elasticsearchYml({ topology, host, licence }: NodeFileOptions): string {
  const remote = otherRegion(topology, host.region);
  const seeds = hostsOf(remote, "elasticsearch").slice(0, remoteSeedCount);
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
transport.port: ${ports.elasticsearchTransport}

# The other nodes stand in unicast_hosts.txt, which is read again when it changes: growth restarts no node.
discovery.seed_providers: file

# Replication runs from here to there or back; which of the two is not decided in this file.
cluster.remote.${remote.name}.mode: sniff
cluster.remote.${remote.name}.seeds: [${seeds.map(transportAddress).join(", ")}]
# A follower that is at rest only waits for its leader's next operation. Should the answer be lost with the line, nothing
# but the kernel's keep-alive, minutes later, would tell it that the connection is dead.
cluster.remote.${remote.name}.transport.ping_schedule: 5s
# A node that starts while the other region is gone waits this long for it (30 s by default) before it joins its own.
cluster.remote.initial_connect_timeout: 5s

xpack.license.self_generated.type: ${licence === "trial" ? "trial" : "basic"}

xpack.security.enabled: true
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
}

/** unicast_hosts.txt: where a node looks for the others of its own region. */
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
 * A boot must not start the node before its data volume is there, nor without it: the node would come up empty on the
 * system disk. The volume is `nofail` in fstab, so nothing else would have the service wait for it.
 */
export const dataVolumeDropIn = `# Rendered by \`pulumi up\`.
[Unit]
RequiresMountsFor=${dataDirectory}
`;

function transportAddress(host: Host): string {
  return `${host.privateIp}:${ports.elasticsearchTransport}`;
}
