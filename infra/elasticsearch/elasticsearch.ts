import * as pulumi from "@pulumi/pulumi";
import { type Authority, HostCertificate, nodeCertificateFiles } from "../certificates.ts";
import type { StackConfig } from "../config/schema.ts";
import { contentHash, filesJson, type HostFile, runScript, type StagedHost } from "../provision/remote.ts";
import { type Host, ports, type Topology } from "../topology.ts";
import { aptPin, aptSource, keyringFile } from "./apt-source.ts";
import {
  configDirectory,
  dataDirectory,
  dataVolumeDropIn,
  elasticsearchYml,
  jvmOptions,
  unicastHosts,
  unitDropIn,
} from "./node-files.ts";
import { roleDefinitions, type UserKey, users } from "./users.ts";

export const elasticsearchScripts = [
  "instances/data-volume.sh",
  "elasticsearch/install.sh",
  "elasticsearch/secrets.sh",
  "elasticsearch/start.sh",
  "elasticsearch/cluster-api.sh",
  "elasticsearch/roll.sh",
  "elasticsearch/cluster.sh",
];

/** Longest wait for a green cluster before the next node may be touched. */
const greenWithinSeconds = 900;

export interface ElasticsearchNodeHost extends StagedHost {
  readonly host: Host;
  readonly dataVolumeId: pulumi.Input<string>;
  /** Step after which packages may be installed. */
  readonly ready: pulumi.Resource;
}

export interface ElasticsearchArgs {
  readonly topology: Topology;
  readonly config: Pick<StackConfig, "elasticsearch" | "replication" | "licenceFile">;
  readonly authority: Authority;
  /** The region's nodes, in the order in which they are restarted. */
  readonly nodes: readonly ElasticsearchNodeHost[];
  /** Password of the user elastic, which only provisioning uses. */
  readonly elasticPassword: pulumi.Output<string>;
  /** Names of the nodes that form the cluster when it does not exist yet. */
  readonly initialMasterNodes: pulumi.Output<string>;
  readonly passwords: pulumi.Output<Readonly<Record<UserKey, string>>>;
}

/**
 * The region's Elasticsearch cluster. All nodes are installed, configured and, if they do not run, started side by
 * side, so that a new cluster can form. Then each node has its turn, one after the other: it is restarted if it runs
 * with something older than what is configured, and the next one's turn comes when the cluster is green again.
 */
export class Elasticsearch extends pulumi.ComponentResource {
  /** Step after which the cluster is green and has its users. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: ElasticsearchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:elasticsearch:Elasticsearch", name, {}, opts);
    const started = args.nodes.map((node) => this.startedNode(node, args));
    let previous: readonly pulumi.Resource[] = started.map(({ step }) => step);
    for (const { node, desired } of started) previous = [this.roll(node, desired, args, previous)];
    const [first] = args.nodes;
    if (first === undefined) throw new Error("A region needs at least one Elasticsearch node");
    this.ready = this.cluster(first, args, previous);
    this.registerOutputs({});
  }

  /** Installs, configures and starts one node; `desired` is what it should come to run with. */
  private startedNode(node: ElasticsearchNodeHost, args: ElasticsearchArgs) {
    const { host } = node;
    const certificate = new HostCertificate(
      host.name,
      {
        authority: args.authority,
        dnsNames: [host.name, "localhost"],
        ipAddresses: [host.privateIp, "127.0.0.1"],
      },
      { parent: this },
    );
    const install = runScript(
      node,
      { name: `${host.name}-install`, script: "elasticsearch/install.sh", stdin: installInput(node, args) },
      { parent: this, after: [node.ready] },
    );
    const secretFiles = pulumi
      .all([certificate.certificatePem, certificate.privateKeyPem])
      .apply(([certificatePem, privateKey]) =>
        nodeCertificateFiles(configDirectory, {
          ca: args.authority.certificatePem,
          certificate: certificatePem,
          privateKey,
        }),
      );
    const secrets = runScript(
      node,
      {
        name: `${host.name}-secrets`,
        script: "elasticsearch/secrets.sh",
        stdin: pulumi.secret(
          pulumi
            .all([secretFiles, args.elasticPassword])
            .apply(([files, bootstrapPassword]) => JSON.stringify({ bootstrapPassword, files })),
        ),
      },
      { parent: this, after: [install] },
    );
    const files = configurationFiles(host, args);
    const configure = runScript(
      node,
      { name: `${host.name}-configuration`, script: "provision/install-files.py", stdin: filesJson(files) },
      { parent: this, after: [install] },
    );
    const desired = certificate.certificatePem.apply((certificatePem) =>
      contentHash(
        args.authority.certificatePem,
        certificatePem,
        ...files.filter(needsRestart).map((file) => file.content),
      ),
    );
    const step = runScript(
      node,
      {
        name: `${host.name}-start`,
        script: "elasticsearch/start.sh",
        args: ["forming"],
        updateArgs: [],
        stdin: pulumi
          .all([desired, args.initialMasterNodes])
          .apply(([hash, initialMasterNodes]) =>
            JSON.stringify({ name: host.name, desired: hash, initialMasterNodes, dataDirectory }),
          ),
      },
      { parent: this, after: [secrets, configure] },
    );
    return { node, desired, step };
  }

  private roll(
    node: ElasticsearchNodeHost,
    desired: pulumi.Output<string>,
    args: ElasticsearchArgs,
    after: readonly pulumi.Resource[],
  ): pulumi.Resource {
    const { version } = args.config.elasticsearch;
    const stdin = pulumi.all([desired, args.elasticPassword]).apply(([hash, elasticPassword]) =>
      JSON.stringify({
        desired: hash,
        version,
        nodes: args.nodes.length,
        greenWithinSeconds,
        url: httpUrl(node.host),
        elasticPassword,
      }),
    );
    return runScript(
      node,
      { name: `${node.host.name}-roll`, script: "elasticsearch/roll.sh", stdin: pulumi.secret(stdin) },
      { parent: this, after },
    );
  }

  private cluster(
    node: ElasticsearchNodeHost,
    args: ElasticsearchArgs,
    after: readonly pulumi.Resource[],
  ): pulumi.Resource {
    const stdin = pulumi
      .all([args.elasticPassword, args.passwords])
      .apply(([elasticPassword, passwords]) =>
        JSON.stringify({ url: httpUrl(node.host), elasticPassword, requests: clusterRequests(args.config, passwords) }),
      );
    return runScript(
      node,
      { name: `${node.host.region}-cluster`, script: "elasticsearch/cluster.sh", stdin: pulumi.secret(stdin) },
      { parent: this, after },
    );
  }
}

function httpUrl(host: Host): string {
  return `https://${host.privateIp}:${ports.elasticsearchHttp}`;
}

/** A change of the version alone is no reason to install: the package is exchanged when it is the node's turn. */
function installInput({ dataVolumeId }: ElasticsearchNodeHost, { config }: ElasticsearchArgs): pulumi.Output<string> {
  const { packageSource, version } = config.elasticsearch;
  const files: HostFile[] = [
    { path: "/etc/apt/sources.list.d/elasticsearch.sources", content: aptSource(packageSource), mode: "0644" },
    { path: "/etc/apt/preferences.d/elasticsearch", content: aptPin(version), mode: "0644" },
    { path: unitDropIn, content: dataVolumeDropIn, mode: "0644" },
  ];
  return pulumi.output(dataVolumeId).apply((volumeId) =>
    JSON.stringify({
      version,
      volumeId,
      dataDirectory,
      keyUrl: packageSource.signingKeyUrl,
      keyFingerprint: packageSource.signingKeyFingerprint,
      keyring: keyringFile,
      files,
    }),
  );
}

const unicastHostsFile = `${configDirectory}/unicast_hosts.txt`;

function configurationFiles(host: Host, { topology, config }: ElasticsearchArgs): HostFile[] {
  const file = (path: string, content: string): HostFile => ({ path, content, mode: "0660", group: "elasticsearch" });
  const { licence, heap } = config.elasticsearch;
  return [
    file(`${configDirectory}/elasticsearch.yml`, elasticsearchYml({ topology, host, licence })),
    file(`${configDirectory}/jvm.options.d/es-failover.options`, jvmOptions(heap)),
    file(unicastHostsFile, unicastHosts(topology, host.region)),
  ];
}

/** Elasticsearch reads its list of hosts again by itself. */
function needsRestart(file: HostFile): boolean {
  return file.path !== unicastHostsFile;
}

export interface ClusterRequest {
  readonly path: string;
  readonly body: unknown;
}

/** What is put to the cluster's API: each request says the whole of what it is about, so that it can be repeated. */
export function clusterRequests(
  { replication, licenceFile }: ElasticsearchArgs["config"],
  passwords: Readonly<Record<UserKey, string>>,
): ClusterRequest[] {
  const roles = Object.entries(roleDefinitions(replication.patterns));
  return [
    ...(licenceFile === undefined ? [] : [{ path: "/_license?acknowledge=true", body: JSON.parse(licenceFile) }]),
    ...roles.map(([role, body]) => ({ path: `/_security/role/${role}`, body })),
    ...Object.entries(users).map(([key, user]) => ({
      path: `/_security/user/${user.name}`,
      body: { password: passwords[key as UserKey], roles: [user.role] },
    })),
  ];
}
