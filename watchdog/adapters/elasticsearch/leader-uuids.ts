import { z } from "zod";
import { listNames, readByName } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";

export interface FollowerIdentity {
  readonly index: string;
  /** Changes when the follower is made over again, also under the same name. */
  readonly identity: string;
}

/** The part of the cluster state that is asked for: what CCR keeps about a follower. */
const stateSchema = z.object({
  metadata: z
    .object({
      indices: z
        .record(z.string(), z.object({ ccr: z.object({ leader_index_uuid: z.string().optional() }).optional() }))
        .default({}),
    })
    .default({ indices: {} }),
});

/**
 * The UUIDs of the leader indices that followers were made from. They never change, and Elasticsearch renders the whole
 * metadata of an index, its mapping too, to tell one: so each is asked for once.
 */
export class LeaderUuids {
  readonly #nodes: RegionNodes;
  #known: ReadonlyMap<string, string> = new Map();
  /** The followers that were last asked for, and what was known of all of them. */
  #last: { readonly followers: readonly FollowerIdentity[]; readonly uuids: ReadonlyMap<string, string> } | null = null;

  constructor(nodes: RegionNodes) {
    this.#nodes = nodes;
  }

  /** By follower; one that Elasticsearch tells none of is left out. */
  async of(followers: readonly FollowerIdentity[]): Promise<ReadonlyMap<string, string>> {
    if (this.#last?.followers === followers) return this.#last.uuids;
    const unknown = followers.filter(({ identity }) => !this.#known.has(identity)).map(({ index }) => index);
    const read = new Map(await readByName(unknown, (index) => this.#read(index)));
    const present = followers.flatMap(({ index, identity }) => {
      const uuid = this.#known.get(identity) ?? read.get(index);
      return uuid === undefined ? [] : [{ index, identity, uuid }];
    });
    this.#known = new Map(present.map(({ identity, uuid }) => [identity, uuid]));
    const uuids = new Map(present.map(({ index, uuid }) => [index, uuid]));
    this.#last = present.length === followers.length ? { followers, uuids } : null;
    return uuids;
  }

  async #read(index: string[]): Promise<readonly [string, string][]> {
    const answer = await this.#nodes.read(`read the leaders of ${listNames(index)}`, (client, options) =>
      client.cluster.state(
        {
          metric: "metadata",
          index,
          expand_wildcards: "all",
          ignore_unavailable: true,
          filter_path: "metadata.indices.*.ccr.leader_index_uuid",
        },
        options,
      ),
    );
    return Object.entries(stateSchema.parse(answer).metadata.indices).flatMap(([name, { ccr }]) =>
      ccr?.leader_index_uuid === undefined ? [] : [[name, ccr.leader_index_uuid]],
    );
  }
}
