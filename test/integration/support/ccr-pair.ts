import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { RestOptions, RestResponse } from "../../../lab/elasticsearch/cluster.ts";
import { ClusterClient } from "../../../lab/elasticsearch/cluster-client.ts";
import type { ClusterPair } from "../../../lab/elasticsearch/start-cluster.ts";
import { borrowClusterPair } from "../shared/cluster-pair.ts";

/** A cluster that is asked by REST, whoever runs it. */
export interface RestCluster {
  readonly name: string;
  rest(method: string, pathAndQuery: string, options?: RestOptions): Promise<RestResponse>;
  // biome-ignore lint/suspicious/noExplicitAny: see RestResponse
  call(method: string, pathAndQuery: string, options?: RestOptions): Promise<any>;
}

/** What the contract tests run on: the lab's two clusters, or two that `ES_FAILOVER_CCR_CONTRACT` names. */
export interface ContractPair {
  /** Has the leader indices. */
  readonly leader: RestCluster;
  /** Has the followers. */
  readonly follower: RestCluster;
  /** Alias under which the follower's cluster knows the leader's. */
  readonly remote: string;
  /** `cluster.name` of the follower's cluster, which names its retention leases. */
  readonly followerName: string;
  /** A name for an index, pattern or user of this run; nothing else in the clusters begins like it. */
  named(name: string): string;
  /** Ends the lab's clusters, or removes from foreign ones what has such a name. */
  stop(): Promise<void>;
}

const endpoint = z.strictObject({
  url: z.url(),
  /** PEM of the CA that signed the nodes' HTTP certificates. */
  caFile: z.string(),
  user: z.string(),
  passwordFile: z.string(),
});
const contractFile = z.strictObject({
  leader: endpoint,
  follower: endpoint,
  /** Alias under which the follower's cluster knows the leader's. */
  remote: z.string(),
});
type Endpoint = z.infer<typeof endpoint>;

const configured = process.env["ES_FAILOVER_CCR_CONTRACT"];

/** Whether the tests run on clusters that are not the lab's. */
export const isForeign: boolean = configured !== undefined && configured !== "";

/** Why tests are skipped on foreign clusters. */
export const whyNotForeign = {
  kills: "kills and freezes the leader's nodes: only on the lab's clusters",
  standIn: "about the lab's stand-in alone",
} as const;

export async function contractPair(): Promise<ContractPair> {
  const prefix = `es-failover-contract-${Date.now().toString(36)}-`;
  const named = (name: string) => `${prefix}${name}`;
  if (configured !== undefined && configured !== "") return foreignPair(configured, prefix, named);
  const pair = await borrowClusterPair();
  return { ...labRoles(pair), named, stop: () => pair.stop() };
}

/** The same for tests that kill and freeze: they need the lab's clusters. */
export async function labContractPair(): Promise<ContractPair & { readonly lab: ClusterPair }> {
  const lab = await borrowClusterPair();
  return { ...labRoles(lab), lab, named: (name) => name, stop: () => lab.stop() };
}

function labRoles(pair: ClusterPair) {
  return { leader: pair.gra, follower: pair.bhs, remote: "gra", followerName: "bhs" };
}

async function foreignPair(file: string, prefix: string, named: (name: string) => string): Promise<ContractPair> {
  const { leader: ofLeader, follower: ofFollower, remote } = contractFile.parse(JSON.parse(readFileSync(file, "utf8")));
  const directory = path.dirname(path.resolve(file));
  const leader = foreignCluster("leader", ofLeader, directory);
  const follower = foreignCluster("follower", ofFollower, directory);
  const remotes = await follower.call("GET", "/_remote/info");
  if (remotes[remote]?.connected !== true) throw new Error(`the follower's cluster is not connected to "${remote}"`);
  const { cluster_name: followerName } = await follower.call("GET", "/");
  const stop = async () => {
    await removePatterns(follower, prefix);
    for (const cluster of [follower, leader]) {
      await removeIndices(cluster, prefix);
      await removeSecurity(cluster, prefix);
    }
    await Promise.all([leader.close(), follower.close()]);
  };
  return { leader, follower, remote, followerName, named, stop };
}

async function removePatterns(cluster: RestCluster, prefix: string): Promise<void> {
  const { patterns } = await cluster.call("GET", "/_ccr/auto_follow");
  for (const { name } of patterns as { name: string }[]) {
    if (name.startsWith(prefix)) await cluster.call("DELETE", `/_ccr/auto_follow/${name}`);
  }
}

async function removeIndices(cluster: RestCluster, prefix: string): Promise<void> {
  const found = await cluster.call("GET", "/_cat/indices?h=index&format=json&expand_wildcards=all");
  for (const { index } of found as { index: string }[]) {
    if (!index.startsWith(prefix) && !index.startsWith(`.${prefix}`)) continue;
    const blocks = { "index.blocks.read_only": null, "index.blocks.write": null };
    await cluster.rest("PUT", `/${index}/_settings`, { body: blocks });
    await cluster.rest("POST", `/${index}/_ccr/pause_follow`);
    await cluster.call("DELETE", `/${index}`);
  }
}

async function removeSecurity(cluster: RestCluster, prefix: string): Promise<void> {
  for (const kind of ["user", "role"]) {
    const found = await cluster.call("GET", `/_security/${kind}`);
    for (const name of Object.keys(found)) {
      if (name.startsWith(prefix)) await cluster.call("DELETE", `/_security/${kind}/${name}`);
    }
  }
}

function foreignCluster(name: string, endpoint: Endpoint, directory: string): ClusterClient {
  const read = (file: string) => readFileSync(path.resolve(directory, file), "utf8");
  return new ClusterClient({
    name,
    urls: [endpoint.url.replace(/\/$/, "")],
    transportAddresses: [],
    ca: read(endpoint.caFile),
    caFile: path.resolve(directory, endpoint.caFile),
    elastic: { username: endpoint.user, password: read(endpoint.passwordFile).trim() },
  });
}
