import { isManaged } from "../core/state/patterns.ts";
import { listed } from "../util/text.ts";
import type { ClusterFacts } from "./facts.ts";
import type { AdoptionConfig, Aliases } from "./judgement.ts";

/** Which region serves now, as its followers and indices show. */
export interface Direction {
  /** null while it cannot be told. */
  readonly active: ClusterFacts | null;
  readonly standby: ClusterFacts | null;
  readonly inTheWay: readonly string[];
}

export function directionOf(
  pair: readonly [ClusterFacts, ClusterFacts],
  aliases: Aliases,
  { firstPrimary, replication }: AdoptionConfig,
): Direction {
  const [first, second] = pair;
  const known = (active: ClusterFacts, inTheWay: readonly string[] = []): Direction => ({
    active,
    standby: active === first ? second : first,
    inTheWay,
  });
  const followsOther = (of: ClusterFacts, other: ClusterFacts): readonly string[] =>
    of.followers
      .filter(({ alias, leaderIndex }) => alias === aliases[other.region] && isManaged(replication, leaderIndex))
      .map(({ index }) => index);
  const [byFirst, bySecond] = [followsOther(first, second), followsOther(second, first)];
  if (byFirst.length > 0 && bySecond.length > 0) {
    const sentence =
      `${first.region} follows ${second.region} (${listed(byFirst, 3)}) and ${second.region} follows ${first.region} ` +
      `(${listed(bySecond, 3)}): both take writes, and one region at a time has to be active. Stop one direction, and leave ` +
      "its indices out of replication.patterns until its writers write to the other";
    return { active: null, standby: null, inTheWay: [sentence] };
  }
  const leader = bySecond.length > 0 ? first : byFirst.length > 0 ? second : null;
  const chosen = pair.find(({ region }) => region === firstPrimary);
  if (leader !== null && chosen !== undefined && chosen !== leader) {
    const sentence = `firstPrimary is ${chosen.region}, and ${chosen.region} follows ${leader.region}: write ${leader.region}`;
    return known(leader, [sentence]);
  }
  const found = leader ?? chosen ?? onlyWithIndices(pair);
  if (found !== null) return known(found);
  const sentence = `which region serves now is not to be seen: write ${first.region} or ${second.region} as firstPrimary`;
  return { active: null, standby: null, inTheWay: [sentence] };
}

function onlyWithIndices(pair: readonly ClusterFacts[]): ClusterFacts | null {
  const [only, ...others] = pair.filter(({ indices }) => indices.length > 0);
  return only !== undefined && others.length === 0 ? only : null;
}
