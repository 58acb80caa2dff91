import type { ClusterClient } from "../../../../lab/elasticsearch/cluster-client.ts";
import { type CopyLimits, copyLimitsOf, setCopyLimits } from "../copy-limits.ts";
import type { ForeignClusters } from "./contract-file.ts";

/** Removes what has names with this prefix, and nothing else. */
export async function removeWithPrefix({ leader, follower }: ForeignClusters, prefix: string): Promise<void> {
  await removePatterns(follower, prefix);
  // Followers first: one that is paused releases what it holds on its leader.
  for (const cluster of [follower, leader]) {
    await removeStreams(cluster, prefix);
    await removeIndices(cluster, prefix);
    for (const kind of ["_security/user", "_security/role"]) {
      await removeNamed(cluster, kind, prefix, Object.keys);
    }
    await removeNamed(cluster, "_index_template", prefix, ({ index_templates }) =>
      index_templates.map(({ name }: { name: string }) => name),
    );
  }
}

/** Gives first copies the speed that they had. */
export async function restoreCopyLimits(follower: ClusterClient, before: CopyLimits): Promise<void> {
  const now = await copyLimitsOf(follower);
  if (JSON.stringify(now) !== JSON.stringify(before)) await setCopyLimits(follower, before);
}

async function removePatterns(cluster: ClusterClient, prefix: string): Promise<void> {
  const { patterns } = await cluster.call("GET", "/_ccr/auto_follow");
  for (const { name } of patterns as { name: string }[]) {
    if (name.startsWith(prefix)) await cluster.call("DELETE", `/_ccr/auto_follow/${name}`);
  }
}

async function removeStreams(cluster: ClusterClient, prefix: string): Promise<void> {
  const { data_streams } = await cluster.call("GET", "/_data_stream?expand_wildcards=all");
  for (const { name, indices } of data_streams as { name: string; indices: { index_name: string }[] }[]) {
    if (!name.startsWith(prefix)) continue;
    for (const { index_name } of indices) await cluster.rest("POST", `/${index_name}/_ccr/pause_follow`);
    await cluster.call("DELETE", `/_data_stream/${name}?expand_wildcards=all`);
  }
}

async function removeIndices(cluster: ClusterClient, prefix: string): Promise<void> {
  const found = await cluster.call("GET", "/_cat/indices?h=index&format=json&expand_wildcards=all");
  for (const { index } of found as { index: string }[]) {
    if (!index.startsWith(prefix) && !index.startsWith(`.${prefix}`)) continue;
    const blocks = { "index.blocks.read_only": null, "index.blocks.write": null };
    await cluster.rest("PUT", `/${index}/_settings`, { body: blocks });
    await cluster.rest("POST", `/${index}/_ccr/pause_follow`);
    await cluster.call("DELETE", `/${index}`);
  }
}

async function removeNamed(
  cluster: ClusterClient,
  path: string,
  prefix: string,
  // biome-ignore lint/suspicious/noExplicitAny: whatever the REST API answers
  namesIn: (body: any) => readonly string[],
): Promise<void> {
  for (const name of namesIn(await cluster.call("GET", `/${path}`))) {
    if (name.startsWith(prefix)) await cluster.call("DELETE", `/${path}/${name}`);
  }
}
