import * as pulumi from "@pulumi/pulumi";
import { HostCertificate, nodeCertificateFiles } from "../certificates.ts";
import { contentHash, filesJson, type HostFile, runScript, type StepOptions } from "../provision/remote.ts";
import { otherRegion } from "../topology/model.ts";
import { keyringFile, packageFiles } from "./apt-source.ts";
import { type ElasticsearchArgs, type ElasticsearchNodeHost, httpUrl } from "./args.ts";
import { configDirectory, dataDirectory, dataVolumeDropIn, needsRestart, nodeFiles, unitDropIn } from "./node-files.ts";
import { remoteKeystore } from "./remote-keys.ts";
import { snapshotKeystore } from "./snapshots.ts";
import { fileUsersInput } from "./users.ts";

/** The steps on one node of a region's cluster. */

/** Longest wait for a green cluster before the next node may be restarted. */
const greenWithinSeconds = 900;

export interface StartedNode {
  readonly node: ElasticsearchNodeHost;
  /** Hash of the configuration and the certificate with which the node has to run. */
  readonly desired: pulumi.Output<string>;
  readonly step: pulumi.Resource;
}

/** Installs, configures and, where it does not run, starts a node. */
export function startedNode(
  node: ElasticsearchNodeHost,
  args: ElasticsearchArgs,
  parent: pulumi.Resource,
): StartedNode {
  const certificate = nodeCertificate(node, args, parent);
  const installed = install(node, args, parent);
  const then = { parent, after: [installed] };
  const secrets = writeSecrets(node, certificate, args, then);
  const files = nodeFiles(node.host, args);
  const configured = writeFiles(node, files, then);
  const desired = desiredState(files, certificate, args);
  const users = writeUsers(node, args, then);
  const step = start(node, desired, args, { parent, after: [secrets, configured, users] });
  return { node, desired, step };
}

/** The node's certificate, also for requests from the host itself. */
function nodeCertificate(
  { host }: ElasticsearchNodeHost,
  { authority }: ElasticsearchArgs,
  parent: pulumi.Resource,
): HostCertificate {
  return new HostCertificate(
    host.name,
    { authority, dnsNames: [host.name, "localhost"], ipAddresses: [host.privateIp, "127.0.0.1"] },
    { parent },
  );
}

function install(node: ElasticsearchNodeHost, args: ElasticsearchArgs, parent: pulumi.Resource): pulumi.Resource {
  return runScript(
    node,
    { name: `${node.host.name}-install`, script: "elasticsearch/install.sh", stdin: installInput(node, args) },
    { parent, after: [node.ready] },
  );
}

function writeSecrets(
  node: ElasticsearchNodeHost,
  { certificatePem, privateKeyPem }: HostCertificate,
  { authority, config, elasticPassword, topology }: ElasticsearchArgs,
  options: StepOptions,
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
    options,
  );
}

/** Users of the node's file realm: a running node takes them up without a restart. */
function writeUsers(node: ElasticsearchNodeHost, args: ElasticsearchArgs, options: StepOptions): pulumi.Resource {
  const { replication, remoteClusterSecurity } = args.config;
  const { patterns } = replication;
  const remote = otherRegion(args.topology, node.host.region).name;
  const scope = { patterns, ...(remoteClusterSecurity === "api_key" ? { keyedRemote: remote } : {}) };
  const place = { directory: configDirectory, group: "elasticsearch", ...scope };
  const stdin = args.passwords.apply((passwords) => fileUsersInput(place, passwords));
  return runScript(
    node,
    { name: `${node.host.name}-users`, script: "elasticsearch/file-users.py", stdin: pulumi.secret(stdin) },
    options,
  );
}

function writeFiles(node: ElasticsearchNodeHost, files: readonly HostFile[], options: StepOptions): pulumi.Resource {
  return runScript(
    node,
    { name: `${node.host.name}-configuration`, script: "provision/install-files.py", stdin: filesJson(files) },
    options,
  );
}

function start(
  node: ElasticsearchNodeHost,
  desired: pulumi.Output<string>,
  { initialMasterNodes }: ElasticsearchArgs,
  options: StepOptions,
): pulumi.Resource {
  const { name } = node.host;
  const stdin = pulumi
    .all([desired, initialMasterNodes])
    .apply(([hash, masters]) => JSON.stringify({ name, desired: hash, initialMasterNodes: masters, dataDirectory }));
  return runScript(node, { name: `${name}-start`, script: "elasticsearch/start.sh", stdin }, options);
}

/** Restarts the node if it does not run what is desired. */
export function roll({ node, desired }: StartedNode, args: ElasticsearchArgs, options: StepOptions): pulumi.Resource {
  const { version } = args.config.elasticsearch;
  const stdin = pulumi.all([desired, args.elasticPassword, node.flavorId]).apply(([hash, elasticPassword, flavorId]) =>
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
    options,
  );
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
