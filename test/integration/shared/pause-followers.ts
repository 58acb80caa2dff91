import type { TestCluster } from "../../../lab/elasticsearch/cluster.ts";

/**
 * Pauses the followers of a cluster before they are deleted: the task of a follower that is deleted while it follows would
 * stay, and count as that of a later index of its name. Without a licence there is nothing to see, and nothing that follows.
 */
export async function pauseFollowers(cluster: TestCluster): Promise<void> {
  const { status, body } = await cluster.rest("GET", "/_ccr/stats");
  if (status !== 200) return;
  const following = body.follow_stats.indices as readonly { readonly index: string }[];
  // An index that was deleted meanwhile is 404, one in its first copy 400.
  for (const { index } of following) await cluster.rest("POST", `/${index}/_ccr/pause_follow`);
}
