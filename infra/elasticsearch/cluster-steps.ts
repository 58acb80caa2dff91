import * as pulumi from "@pulumi/pulumi";
import { contentHash, runScript, type StepOptions } from "../provision/remote.ts";
import { otherRegion } from "../topology/model.ts";
import { type ElasticsearchArgs, type ElasticsearchNodeHost, httpUrl } from "./args.ts";
import { clusterRequests } from "./cluster-requests.ts";
import { remoteClusterInput } from "./remote-keys.ts";
import { snapshotInput, snapshotKeystore } from "./snapshots.ts";

/** The steps that concern a region's cluster as a whole, each by way of one of its nodes. */

/** 200 GB at the 40 MB per second that Elasticsearch allows itself by default take an hour and a half. */
const drainedWithinSeconds = 7_200;

/** Licence, and the roles and users of the native realm, through one of the nodes. */
export function clusterWide(
  node: ElasticsearchNodeHost,
  args: ElasticsearchArgs,
  options: StepOptions,
): pulumi.Resource {
  const stdin = pulumi
    .all([args.elasticPassword, args.passwords])
    .apply(([elasticPassword, passwords]) =>
      JSON.stringify({ url: httpUrl(node.host), elasticPassword, requests: clusterRequests(args.config, passwords) }),
    );
  return runScript(
    node,
    { name: `${node.host.region}-cluster`, script: "elasticsearch/cluster.sh", stdin: pulumi.secret(stdin) },
    options,
  );
}

/** Moves the shards of the node that is to be removed to the others. */
export function drainNode(
  node: ElasticsearchNodeHost,
  { config, elasticPassword }: ElasticsearchArgs,
  options: StepOptions,
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
    options,
  );
}

/** The other region's cluster, once every node has its API key. */
export function remoteCluster(
  { host, ...node }: ElasticsearchNodeHost,
  { config, topology, elasticPassword }: ElasticsearchArgs,
  options: StepOptions,
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
    options,
  );
}

/** Repositories and policy, once every node has the keys. */
export function takeSnapshots(
  { host, ...node }: ElasticsearchNodeHost,
  { config, topology, elasticPassword }: ElasticsearchArgs,
  options: StepOptions,
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
    options,
  );
}
