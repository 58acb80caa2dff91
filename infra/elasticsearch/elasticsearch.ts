import * as pulumi from "@pulumi/pulumi";
import { type Authority, HostCertificate, nodeCertificateFiles } from "../certificates.ts";
import type { StackConfig } from "../config/schema.ts";
import { contentHash, filesJson, type HostFile, runScript, type StagedHost } from "../provision/remote.ts";
import { type Host, otherRegion, ports, type Topology } from "../topology.ts";
import { keyringFile, packageFiles } from "./apt-source.ts";
import { clusterRequests } from "./cluster-requests.ts";
import { configDirectory, dataDirectory, dataVolumeDropIn, needsRestart, nodeFiles, unitDropIn } from "./node-files.ts";
import { remoteClusterInput, remoteKeystore } from "./remote-keys.ts";
import { snapshotInput, snapshotKeystore } from "./snapshots.ts";
import { fileUsersInput, type UserPasswords } from "./users.ts";

export const elasticsearchScripts = [
  "instances/data-volume.sh",
  "elasticsearch/install.sh",
  "elasticsearch/secrets.sh",
  "elasticsearch/file-users.py",
  "elasticsearch/start.sh",
  "elasticsearch/cluster-api.sh",
  "elasticsearch/roll.sh",
  "elasticsearch/cluster.sh",
  "elasticsearch/drain.sh",
  "elasticsearch/snapshots.sh",
  "elasticsearch/remote-cluster.sh",
  "elasticsearch/cross-cluster-keys.sh",
];

/** Longest wait for a green cluster before the next node may be restarted. */
const greenWithinSeconds = 900;
/** 200 GB at the 40 MB per second that Elasticsearch allows itself by default take an hour and a half. */
const drainedWithinSeconds = 7_200;

export interface ElasticsearchNodeHost extends StagedHost {
  readonly host: Host;
  readonly dataVolumeId: pulumi.Input<string>;
  readonly flavorId: pulumi.Input<string>;
  /** Step after which packages may be installed. */
  readonly ready: pulumi.Resource;
}

export interface ElasticsearchArgs {
  readonly topology: Topology;
  readonly config: Pick<
    StackConfig,
    | "elasticsearch"
    | "drain"
    | "replication"
    | "remoteClusterSecurity"
    | "remoteKey"
    | "licenceFile"
    | "dataVolume"
    | "snapshots"
    | "snapshotAccessKey"
    | "snapshotSecretKey"
  >;
  readonly authority: Authority;
  /** The region's nodes, in the order in which they are restarted. */
  readonly nodes: readonly ElasticsearchNodeHost[];
  /** Password of the user elastic, which only provisioning uses. */
  readonly elasticPassword: pulumi.Output<string>;
  /** Names of the nodes that form the cluster if it does not exist yet. */
  readonly initialMasterNodes: pulumi.Output<string>;
  readonly passwords: pulumi.Output<UserPasswords>;
}

interface StartedNode {
  readonly node: ElasticsearchNodeHost;
  /** Hash of the configuration and the certificate with which the node has to run. */
  readonly desired: pulumi.Output<string>;
  readonly step: pulumi.Resource;
}

/**
 * The region's Elasticsearch cluster. All nodes are installed, configured and, where they do not run, started in
 * parallel, so that a new cluster can form. A rolling restart follows: one node at a time, only where the node runs an
 * older configuration, certificate or version, and the next node only once the cluster is green again.
 */
export class Elasticsearch extends pulumi.ComponentResource {
  /** Step after which the cluster is green and has its users. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: ElasticsearchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:elasticsearch:Elasticsearch", name, {}, opts);
    const started = args.nodes.map((node) => this.startedNode(node, args));
    let previous: readonly pulumi.Resource[] = started.map(({ step }) => step);
    for (const node of started) previous = [this.roll(node, args, previous)];
    const [first] = args.nodes;
    if (first === undefined) throw new Error("A region needs at least one Elasticsearch node");
    const cluster = this.cluster(first, args, previous);
    const drained = this.drain(first, args, [cluster]);
    const connected = this.remoteCluster(first, args, [drained]) ?? drained;
    this.ready = this.snapshots(first, args, [connected]) ?? connected;
    this.registerOutputs({});
  }

  private startedNode(node: ElasticsearchNodeHost, args: ElasticsearchArgs): StartedNode {
    const certificate = this.certificate(node, args);
    const installed = this.install(node, args);
    const secrets = this.writeSecrets(node, certificate, args, installed);
    const files = nodeFiles(node.host, args);
    const configured = this.writeFiles(node, files, installed);
    const desired = desiredState(files, certificate, args);
    const users = this.writeUsers(node, args, installed);
    const step = this.start(node, desired, args, [secrets, configured, users]);
    return { node, desired, step };
  }

  /** The node's certificate, also for requests from the host itself. */
  private certificate({ host }: ElasticsearchNodeHost, { authority }: ElasticsearchArgs): HostCertificate {
    return new HostCertificate(
      host.name,
      { authority, dnsNames: [host.name, "localhost"], ipAddresses: [host.privateIp, "127.0.0.1"] },
      { parent: this },
    );
  }

  private install(node: ElasticsearchNodeHost, args: ElasticsearchArgs): pulumi.Resource {
    return runScript(
      node,
      { name: `${node.host.name}-install`, script: "elasticsearch/install.sh", stdin: installInput(node, args) },
      { parent: this, after: [node.ready] },
    );
  }

  private writeSecrets(
    node: ElasticsearchNodeHost,
    { certificatePem, privateKeyPem }: HostCertificate,
    { authority, config, elasticPassword, topology }: ElasticsearchArgs,
    installed: pulumi.Resource,
  ): pulumi.Resource {
    const stdin = pulumi
      .all([certificatePem, privateKeyPem, elasticPassword])
      .apply(([certificate, privateKey, bootstrapPassword]) => {
        const material = { ca: authority.trustedPem, certificate, privateKey };
        const keystore = {
          "bootstrap.password": bootstrapPassword,
          ...snapshotKeystore(config),
          ...remoteKeystore(config, otherRegion(topology, node.host.region).name),
        };
        return JSON.stringify({ keystore, files: nodeCertificateFiles(configDirectory, material) });
      });
    return runScript(
      node,
      { name: `${node.host.name}-secrets`, script: "elasticsearch/secrets.sh", stdin: pulumi.secret(stdin) },
      { parent: this, after: [installed] },
    );
  }

  /** Users of the node's file realm: a running node takes them up without a restart. */
  private writeUsers(
    node: ElasticsearchNodeHost,
    args: ElasticsearchArgs,
    installed: pulumi.Resource,
  ): pulumi.Resource {
    const { replication, remoteClusterSecurity } = args.config;
    const { patterns } = replication;
    const remote = otherRegion(args.topology, node.host.region).name;
    const scope = { patterns, ...(remoteClusterSecurity === "api_key" ? { keyedRemote: remote } : {}) };
    const options = { directory: configDirectory, group: "elasticsearch", ...scope };
    const stdin = args.passwords.apply((passwords) => fileUsersInput(options, passwords));
    return runScript(
      node,
      { name: `${node.host.name}-users`, script: "elasticsearch/file-users.py", stdin: pulumi.secret(stdin) },
      { parent: this, after: [installed] },
    );
  }

  private writeFiles(
    node: ElasticsearchNodeHost,
    files: readonly HostFile[],
    installed: pulumi.Resource,
  ): pulumi.Resource {
    return runScript(
      node,
      { name: `${node.host.name}-configuration`, script: "provision/install-files.py", stdin: filesJson(files) },
      { parent: this, after: [installed] },
    );
  }

  private start(
    node: ElasticsearchNodeHost,
    desired: pulumi.Output<string>,
    { initialMasterNodes }: ElasticsearchArgs,
    after: readonly pulumi.Resource[],
  ): pulumi.Resource {
    const { name } = node.host;
    const stdin = pulumi
      .all([desired, initialMasterNodes])
      .apply(([hash, masters]) => JSON.stringify({ name, desired: hash, initialMasterNodes: masters, dataDirectory }));
    return runScript(node, { name: `${name}-start`, script: "elasticsearch/start.sh", stdin }, { parent: this, after });
  }

  /** Restarts the node if it does not run what is desired. */
  private roll(
    { node, desired }: StartedNode,
    args: ElasticsearchArgs,
    after: readonly pulumi.Resource[],
  ): pulumi.Resource {
    const { version } = args.config.elasticsearch;
    const stdin = pulumi
      .all([desired, args.elasticPassword, node.flavorId])
      .apply(([hash, elasticPassword, flavorId]) =>
        JSON.stringify({
          desired: hash,
          version,
          // So that the step runs again when the host was resized, and waits until its node is back and the cluster green.
          flavorId,
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

  /** Licence, and the roles and users of the native realm, through one of the nodes. */
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

  /** Moves the shards of the node that is to be removed to the others. */
  private drain(
    node: ElasticsearchNodeHost,
    { config, elasticPassword }: ElasticsearchArgs,
    after: readonly pulumi.Resource[],
  ): pulumi.Resource {
    const stdin = elasticPassword.apply((password) =>
      JSON.stringify({
        url: httpUrl(node.host),
        elasticPassword: password,
        node: config.drain ?? "",
        withinSeconds: drainedWithinSeconds,
      }),
    );
    return runScript(
      node,
      { name: `${node.host.region}-drain`, script: "elasticsearch/drain.sh", stdin: pulumi.secret(stdin) },
      { parent: this, after },
    );
  }

  /** The other region's cluster, once every node has its API key. */
  private remoteCluster(
    { host, ...node }: ElasticsearchNodeHost,
    { config, topology, elasticPassword }: ElasticsearchArgs,
    after: readonly pulumi.Resource[],
  ): pulumi.Resource | null {
    if (config.remoteClusterSecurity !== "api_key") return null;
    const { patterns } = config.replication;
    const wanted = remoteClusterInput(config, { remote: otherRegion(topology, host.region).name, patterns });
    // The key's hash: a changed one is to be read again.
    const key = contentHash(config.remoteKey ?? "");
    const stdin = elasticPassword.apply((password) =>
      JSON.stringify({ url: httpUrl(host), elasticPassword: password, key, ...wanted }),
    );
    return runScript(
      node,
      { name: `${host.region}-remote-cluster`, script: "elasticsearch/remote-cluster.sh", stdin: pulumi.secret(stdin) },
      { parent: this, after },
    );
  }

  /** Repositories and policy, once every node has the keys. */
  private snapshots(
    { host, ...node }: ElasticsearchNodeHost,
    { config, topology, elasticPassword }: ElasticsearchArgs,
    after: readonly pulumi.Resource[],
  ): pulumi.Resource | null {
    if (config.snapshots === null) return null;
    const { patterns } = config.replication;
    const wanted = snapshotInput(config.snapshots, { topology, region: host.region, patterns });
    // The keys' hash: changed keys are to be read again.
    const keys = contentHash(...Object.values(snapshotKeystore(config)));
    const stdin = elasticPassword.apply((password) =>
      JSON.stringify({ url: httpUrl(host), elasticPassword: password, keys, ...wanted }),
    );
    return runScript(
      node,
      { name: `${host.region}-snapshots`, script: "elasticsearch/snapshots.sh", stdin: pulumi.secret(stdin) },
      { parent: this, after },
    );
  }
}

function httpUrl(host: Host): string {
  return `https://${host.privateIp}:${ports.elasticsearchHttp}`;
}

function desiredState(
  files: readonly HostFile[],
  { certificatePem }: HostCertificate,
  { authority }: ElasticsearchArgs,
): pulumi.Output<string> {
  const contents = files.filter(needsRestart).map(({ content }) => content);
  return certificatePem.apply((certificate) => contentHash(authority.trustedPem, certificate, ...contents));
}

/** On a changed version the script leaves the installed package alone: roll.sh replaces it, one node at a time. */
function installInput({ dataVolumeId }: ElasticsearchNodeHost, { config }: ElasticsearchArgs): pulumi.Output<string> {
  const { packageSource, version } = config.elasticsearch;
  const files: HostFile[] = [
    ...packageFiles(packageSource, version),
    { path: unitDropIn, content: dataVolumeDropIn, mode: "0644" },
  ];
  return pulumi.output(dataVolumeId).apply((volumeId) =>
    JSON.stringify({
      version,
      volumeId,
      // So that the step runs again when the volume has grown, and the file system grows with it.
      volumeGb: config.dataVolume.sizeGb,
      dataDirectory,
      keyUrl: packageSource.signingKeyUrl,
      keyFingerprint: packageSource.signingKeyFingerprint,
      keyring: keyringFile,
      files,
    }),
  );
}
