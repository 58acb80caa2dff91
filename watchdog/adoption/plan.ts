import type { RegionName } from "../config/address.ts";
import { directionOf } from "./direction.ts";
import type { ClusterFacts } from "./facts.ts";
import { judgeCluster, judgeVersions } from "./judge-clusters.ts";
import { judgeReplication } from "./judge-replication.ts";
import { type AdoptionConfig, type Aliases, type Judgement, together } from "./judgement.ts";
import { type ClusterRequest, requestsFor } from "./requests.ts";

/** What `es-failover init` finds out before it changes anything. */
export interface AdoptionPlan extends Judgement {
  /** null while it cannot be told. */
  readonly active: RegionName | null;
  readonly aliases: Aliases;
  readonly requests: readonly ClusterRequest[];
}

export interface AdoptionInput {
  readonly facts: Readonly<Record<RegionName, ClusterFacts>>;
  readonly config: AdoptionConfig;
}

/** What would be taken over, what would be made, and what is in the way. Pure. */
export function planAdoption({ facts, config }: AdoptionInput): AdoptionPlan {
  const [first, second] = Object.values(facts);
  if (first === undefined || second === undefined) throw new Error("unreachable: there are two regions");
  const aliases = {
    [first.region]: aliasOf(first, second, config),
    [second.region]: aliasOf(second, first, config),
  };
  const { active, ...direction } = directionOf([first, second], aliases, config);
  const { standby } = direction;
  const judged = together([
    judgeCluster(first, second, aliases, config),
    judgeCluster(second, first, aliases, config),
    ...(active === null || standby === null
      ? []
      : [judgeVersions(active, standby), judgeReplication(active, standby, aliases, config)]),
  ]);
  return {
    ...judged,
    active: active?.region ?? null,
    aliases,
    requests: [...requestsFor(first, second, aliases, config), ...requestsFor(second, first, aliases, config)],
    inTheWay: [...direction.inTheWay, ...judged.inTheWay],
  };
}

/**
 * The name that `there` has for the cluster of `region`: as answered; else that of the same cluster, or where no cluster tells which
 * it is, of any: the one that followers use, or the region's own, or the only one.
 */
function aliasOf(region: ClusterFacts, there: ClusterFacts, { remoteAliases }: AdoptionConfig): string {
  const given = remoteAliases[region.region];
  if (given !== undefined) return given;
  const same = there.remotes.filter(({ clusterUuid }) => clusterUuid === region.clusterUuid);
  const candidates = same.length > 0 ? same : there.remotes.filter(({ clusterUuid }) => clusterUuid === null);
  const names = candidates.map(({ alias }) => alias);
  const used = names.find((name) => there.followers.some(({ alias }) => alias === name));
  if (used !== undefined) return used;
  const [only, ...others] = names;
  return names.includes(region.region) || only === undefined || others.length > 0 ? region.region : only;
}
