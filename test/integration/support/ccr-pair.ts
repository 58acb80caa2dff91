import type { RestOptions, RestResponse } from "../../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../../lab/elasticsearch/start-cluster.ts";
import { borrowClusterPair } from "../shared/cluster-pair.ts";
import { newPrefix, runPrefixVariable } from "./ccr-prefix.ts";
import { removeWithPrefix } from "./foreign/clean-up.ts";
import { readContractFile } from "./foreign/contract-file.ts";

/** A cluster that is asked by REST, of the lab or of others. */
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

const configured = process.env["ES_FAILOVER_CCR_CONTRACT"];

/** Whether the tests run on clusters that are not the lab's. */
export const isForeign: boolean = configured !== undefined && configured !== "";

/** Why tests are skipped on foreign clusters. */
export const whyNotForeign = {
  kills: "kills and freezes the leader's nodes: only on the lab's clusters",
  standIn: "about the lab's stand-in alone",
  connection: "the other tests run with whatever connects the clusters",
} as const;

export async function contractPair(): Promise<ContractPair> {
  const prefix = process.env[runPrefixVariable] ?? newPrefix();
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
  const clusters = readContractFile(file);
  const { leader, follower, remote } = clusters;
  const { cluster_name: followerName } = await follower.call("GET", "/");
  const stop = async () => {
    await removeWithPrefix(clusters, prefix);
    await Promise.all([leader.close(), follower.close()]);
  };
  return { leader, follower, remote, followerName, named, stop };
}
