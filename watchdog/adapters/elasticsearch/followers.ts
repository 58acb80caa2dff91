import type { estypes } from "@elastic/elasticsearch";
import type { Follower } from "../../core/state/cluster.ts";
import { isManaged, type ManagedPatterns, requestTarget } from "../../core/state/patterns.ts";
import { perAnswer } from "../../util/unchanged.ts";
import { unlessUnlicensed } from "./errors.ts";
import { progressOf, type ShardStatistics } from "./follower-progress.ts";
import { type FollowerIdentity, LeaderUuids } from "./leader-uuids.ts";
import { listNames, readByName } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";
import type { RemoteAliases } from "./remote-aliases.ts";

type Facts = Pick<Follower, "leaderIndex" | "remoteCluster" | "status"> & {
  readonly shards: readonly ShardStatistics[];
};

/**
 * Reads the followers among the managed indices. Which indices are followers is in their own settings: a wildcard in
 * `_ccr/info` leaves hidden indices out, such as the backing indices of data streams.
 */
export class FollowerReader {
  readonly #nodes: RegionNodes;
  readonly #managed: ManagedPatterns;
  readonly #aliases: RemoteAliases;
  readonly #leaderUuids: LeaderUuids;

  constructor(nodes: RegionNodes, managed: ManagedPatterns, aliases: RemoteAliases) {
    this.#nodes = nodes;
    this.#managed = managed;
    this.#aliases = aliases;
    this.#leaderUuids = new LeaderUuids(nodes);
  }

  /** Two requests while all of them run and are known; more for those that are paused, are copied, or are new. */
  async read(): Promise<readonly Follower[]> {
    const [identities, running] = await Promise.all([this.#identities(), this.#running()]);
    const names = identities.map(({ index }) => index);
    const [others, leaderUuids] = await Promise.all([
      readByName(
        names.filter((name) => !running.has(name)),
        (index) => this.#info(index),
      ),
      this.#leaderUuids.of(identities),
    ]);
    const notRunning = new Map(others);
    return names.flatMap((index) => {
      const found = notRunning.get(index) ?? running.get(index);
      if (found === undefined) return [];
      const shards = found.shards.map(progressOf).sort((a, b) => a.shard - b.shard);
      return [{ ...found, index, leaderUuid: leaderUuids.get(index) ?? null, shards }];
    });
  }

  async #identities(): Promise<readonly FollowerIdentity[]> {
    const answer = await this.#nodes.read("read which indices are followers", (client, options) =>
      client.indices.getSettings(
        {
          index: requestTarget(this.#managed),
          name: [FOLLOWING, UUID, HISTORY],
          flat_settings: true,
          expand_wildcards: "all",
          ignore_unavailable: true,
          allow_no_indices: true,
        },
        options,
      ),
    );
    return identitiesOf(answer, this.#managed);
  }

  /**
   * Followers with a task that reports, hidden ones too; none where the licence does not permit to see them. Those of
   * deleted followers may still be among them.
   */
  async #running(): Promise<ReadonlyMap<string, Facts>> {
    const stats = await unlessUnlicensed(
      this.#nodes.read("read replication statistics", (client, options) =>
        client.ccr.stats({ filter_path: STATISTICS }, options),
      ),
      null,
    );
    if (stats === null) return new Map();
    // A filtered answer leaves out what is empty.
    const indices = stats.follow_stats?.indices ?? [];
    return new Map(
      indices.flatMap(({ index, shards }) => {
        const [first] = shards;
        if (first === undefined) return [];
        const { leader_index: leaderIndex } = first;
        const remoteCluster = this.#aliases.regionOf(first.remote_cluster);
        return [[index, { leaderIndex, remoteCluster, status: "active" as const, shards }]];
      }),
    );
  }

  async #info(index: string[]): Promise<readonly [string, Facts][]> {
    const info = await this.#nodes.read(`read followers ${listNames(index)}`, (client, options) =>
      client.ccr.followInfo({ index }, options),
    );
    return info.follower_indices.map(({ follower_index, leader_index, remote_cluster, status }) => [
      follower_index,
      { leaderIndex: leader_index, remoteCluster: this.#aliases.regionOf(remote_cluster), status, shards: [] },
    ]);
  }
}

const identitiesOf = perAnswer(
  (answer: estypes.IndicesGetSettingsResponse, managed: ManagedPatterns): readonly FollowerIdentity[] =>
    Object.entries(answer).flatMap(([index, { settings }]) => {
      if (String(property(settings, FOLLOWING)) !== "true" || !isManaged(managed, index)) return [];
      // A follower made over a closed index keeps the UUID of that one, and gets another history.
      return [{ index, identity: [UUID, HISTORY].map((key) => String(property(settings, key))).join(" ") }];
    }),
);

/** The rest is three quarters of an answer about thousands of shards. */
const STATISTICS = [
  "index",
  ...[
    "leader_index",
    "remote_cluster",
    "shard_id",
    "follower_global_checkpoint",
    "leader_global_checkpoint",
    "time_since_last_read_millis",
    "successful_read_requests",
    "failed_read_requests",
    "failed_write_requests",
    "read_exceptions",
    "fatal_exception",
  ].map((field) => `shards.${field}`),
].map((field) => `follow_stats.indices.${field}`);

const FOLLOWING = "index.xpack.ccr.following_index";
const UUID = "index.uuid";
const HISTORY = "index.history.uuid";
