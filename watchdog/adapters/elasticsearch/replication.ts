import { ClusterError } from "../../core/ports/cluster.ts";
import type { AutoFollowPattern } from "../../core/state/cluster.ts";
import { assertAcknowledged, masterTimeout } from "./acknowledgement.ts";
import type { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";
import type { RemoteAliases } from "./remote-aliases.ts";

export async function readAutoFollowPatterns(
  nodes: RegionNodes,
  aliases: RemoteAliases,
): Promise<readonly AutoFollowPattern[]> {
  const { patterns } = await nodes.read("read auto-follow patterns", (client, options) =>
    client.ccr.getAutoFollowPattern({}, options),
  );
  return patterns.map(({ name, pattern }) => ({
    name,
    remoteCluster: aliases.regionOf(pattern.remote_cluster),
    patterns: [pattern.leader_index_patterns].flat(),
    exclusions: [pattern.leader_index_exclusion_patterns ?? []].flat(),
    ...followerNamesOf(pattern.follow_index_pattern),
    active: pattern.active,
  }));
}

/** In `follow_index_pattern`: the leader's name. */
const LEADER_NAME = "{{leader_index}}";

const followerNamesOf = (template: string | undefined): Pick<AutoFollowPattern, "followerNames"> =>
  template === undefined || template === LEADER_NAME ? {} : { followerNames: template };

export async function putAutoFollow(
  nodes: RegionNodes,
  pattern: Omit<AutoFollowPattern, "active" | "followerNames">,
  aliases: RemoteAliases,
): Promise<void> {
  const what = `put auto-follow pattern ${pattern.name}`;
  const answer = await nodes.change(what, (client, options) =>
    client.ccr.putAutoFollowPattern(
      {
        name: pattern.name,
        remote_cluster: aliases.aliasOf(pattern.remoteCluster),
        leader_index_patterns: [...pattern.patterns],
        leader_index_exclusion_patterns: [...pattern.exclusions],
        follow_index_pattern: LEADER_NAME,
        ...masterTimeout(nodes),
      },
      options,
    ),
  );
  assertAcknowledged(nodes, what, answer);
}

type AutoFollowCommand = "pauseAutoFollowPattern" | "resumeAutoFollowPattern" | "deleteAutoFollowPattern";

export async function commandAutoFollow(nodes: RegionNodes, command: AutoFollowCommand, name: string): Promise<void> {
  const what = `${command.replace(/[A-Z].*/, "")} auto-follow pattern ${name}`;
  const answer = await nodes.change(what, (client, options) =>
    client.ccr[command]({ name, ...masterTimeout(nodes) }, options),
  );
  assertAcknowledged(nodes, what, answer);
}

/**
 * Creates a follower and returns without waiting for the first copy, which may take hours: its progress is read from
 * the followers.
 */
export async function follow(
  nodes: RegionNodes,
  index: string,
  remoteAlias: string,
  leaderIndex: string,
): Promise<void> {
  await nodes.change(`follow ${remoteAlias}:${leaderIndex} as ${index}`, (client, options) =>
    client.ccr.follow(
      {
        index,
        remote_cluster: remoteAlias,
        leader_index: leaderIndex,
        wait_for_active_shards: 0,
        ...masterTimeout(nodes),
      },
      options,
    ),
  );
}

export async function pauseFollow(nodes: RegionNodes, index: string): Promise<void> {
  const what = `pause following of ${index}`;
  const answer = await nodes.change(what, (client, options) =>
    client.ccr.pauseFollow({ index, ...masterTimeout(nodes) }, options),
  );
  assertAcknowledged(nodes, what, answer);
}

export async function resumeFollow(nodes: RegionNodes, index: string): Promise<void> {
  const what = `resume following of ${index}`;
  const answer = await nodes.change(what, (client, options) =>
    client.ccr.resumeFollow({ index, ...masterTimeout(nodes) }, options),
  );
  assertAcknowledged(nodes, what, answer);
}

/**
 * Converts a paused and closed follower to an index of its own. Elasticsearch converts the index, then asks the leader to
 * drop its retention leases, then answers: with the leader lost the call may fail although the index is converted. So a
 * failure counts only while the index's settings still show a follower.
 *
 * @param timeoutMs bound on the unfollow; reading the settings afterwards takes a request's timeout at most
 * @param signal ends the wait for the answer
 */
export async function unfollow(
  nodes: RegionNodes,
  index: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const what = `unfollow ${index}`;
  try {
    const answer = await nodes.change(
      what,
      (client, options) => client.ccr.unfollow({ index, ...masterTimeout(nodes) }, options),
      { timeoutMs, ...(signal && { giveUp: signal }) },
    );
    assertAcknowledged(nodes, what, answer);
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error instanceof ClusterError && error.kind === "unreachable") throw error;
    if (await isStillFollowing(nodes, index)) throw error;
  }
}

/** Also true when the settings cannot be read. */
async function isStillFollowing(nodes: RegionNodes, index: string): Promise<boolean> {
  try {
    const answer = await nodes.read(`read settings of ${index}`, (client, options) =>
      client.indices.getSettings({ index, flat_settings: true, expand_wildcards: "all" }, options),
    );
    const settings = answer[index]?.settings;
    return settings === undefined || String(property(settings, "index.xpack.ccr.following_index")) === "true";
  } catch (error) {
    if (error instanceof ClusterError) return true;
    throw error;
  }
}
