import type { ForeignFollower } from "../../core/ports/cluster.ts";
import { rejected } from "./acknowledgement.ts";
import type { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";
import type { RemoteAliases } from "./remote-aliases.ts";

export async function readClusterName(nodes: RegionNodes): Promise<string> {
  const { cluster_name } = await nodes.read("read the cluster's name", (client, options) => client.info({}, options));
  return cluster_name;
}

/** A shard without a lease of this follower is reported as failed, with HTTP 200. */
export async function forgetFollower(
  nodes: RegionNodes,
  index: string,
  follower: ForeignFollower,
  aliases: RemoteAliases,
): Promise<void> {
  const what = `forget the follower ${follower.index.name} of ${follower.cluster}`;
  const { _shards: shards } = await nodes.change(what, (client, options) =>
    client.ccr.forgetFollower(
      {
        index,
        follower_cluster: follower.cluster,
        follower_index: follower.index.name,
        follower_index_uuid: follower.index.uuid,
        leader_remote_cluster: aliases.aliasOf(follower.remoteCluster),
      },
      options,
    ),
  );
  const failure = shards.failures?.find(({ reason }) => property(reason, "type") !== NOTHING_TO_FORGET);
  if (failure !== undefined) throw rejected(nodes, what, JSON.stringify(failure.reason));
}

const NOTHING_TO_FORGET = "retention_lease_not_found_exception";
