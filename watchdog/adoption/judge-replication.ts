import { matchesManaged, usedAutoFollow } from "../core/plans/auto-follow.ts";
import { differingDefinitions } from "../core/plans/definitions.ts";
import { unfollowable } from "../core/state/followable.ts";
import { isManaged } from "../core/state/patterns.ts";
import { count, listed, size } from "../util/text.ts";
import type { ClusterFacts, FollowerFact } from "./facts.ts";
import { type AdoptionConfig, type Aliases, type Judgement, judgement, together } from "./judgement.ts";

/** What the standby has of the active region's indices already, and what keeps it from having the rest. */
export function judgeReplication(
  active: ClusterFacts,
  standby: ClusterFacts,
  aliases: Aliases,
  config: AdoptionConfig,
): Judgement {
  return together([
    judgeFollowers(active, standby, aliases, config),
    judgeIndices(active, standby, config),
    judgePatterns(active, standby, aliases, config),
    judgeReverse(active, standby, aliases, config),
    judgeAliases(active, config),
    judgeDefinitions(active, standby),
  ]);
}

function judgeFollowers(
  active: ClusterFacts,
  standby: ClusterFacts,
  aliases: Aliases,
  { replication }: AdoptionConfig,
): Judgement {
  const { region, followers } = standby;
  const alias = aliases[active.region];
  const ofActive = followers.filter((follower) => follower.alias === alias);
  const managed = ofActive.filter(({ index }) => isManaged(replication, index));
  const adopted = managed.filter(({ index, leaderIndex }) => index === leaderIndex);
  const renamed = ofActive.filter(
    ({ index, leaderIndex }) =>
      index !== leaderIndex && (isManaged(replication, leaderIndex) || isManaged(replication, index)),
  );
  const ofOthers = followers.filter((follower) => follower.alias !== alias && isManaged(replication, follower.index));
  const others = ofActive.length - adopted.length - renamed.length;
  const paused = adopted.filter((follower) => follower.paused).map(({ index }) => index);
  return judgement({
    takenOver:
      adopted.length === 0
        ? []
        : [`${count(adopted.length, "follower")} in ${region}: ${listed(adopted.map(({ index }) => index))}`],
    notices: [
      ...(paused.length === 0 ? [] : [`paused followers in ${region} are resumed: ${listed(paused, 5)}`]),
      ...(others === 0
        ? []
        : [
            `${count(others, "follower")} in ${region} match no pattern: they stay as they are, and are not promoted; auto-follow ` +
              `patterns of ${active.region} are paused during a promotion`,
          ]),
    ],
    inTheWay: [
      ...renamed.map((follower) => renamedSentence(region, follower)),
      ...ofOthers.map(
        (follower) =>
          `${follower.index} in ${region} follows ${follower.leaderIndex} of ${follower.alias}, another cluster than ` +
          `${active.region}: leave it out by replication.exclusions, or delete it there`,
      ),
    ],
  });
}

/**
 * Why followers have to have their leaders' names: after a failover applications write by the same name, and find an index
 * only there; an index that they create then would have no other name in the other region; and what is salvaged of
 * a former primary is written back by the name that it had.
 */
const renamedSentence = (region: string, { index, leaderIndex }: FollowerFact): string =>
  `${index} in ${region} follows ${leaderIndex} under another name: after a failover applications would not find ${leaderIndex}, and ` +
  `their writes would create an empty index of that name. Followers have the names of their leaders here: delete ${index} there ` +
  `once no reader needs it (\`DELETE /${index}\`), and the watchdog follows as ${leaderIndex}; or leave it out by replication.exclusions`;

function judgeIndices(active: ClusterFacts, standby: ClusterFacts, config: AdoptionConfig): Judgement {
  const led = new Map(active.indices.map((index) => [index.name, index]));
  const there = new Set(standby.indices.map(({ name }) => name));
  const own = standby.indices.filter(({ following, searchableSnapshot }) => !following && !searchableSnapshot);
  const inBoth = own.filter(({ name }) => led.has(name)).map(({ name }) => name);
  const alone = own.filter(({ name }) => !led.has(name)).map(({ name }) => name);
  const cannot = active.indices.flatMap((index) => {
    const reason = unfollowable(index);
    return reason === null ? [] : [`${index.name} ${reason}`];
  });
  const missing = active.indices.filter((index) => !there.has(index.name) && unfollowable(index) === null);
  const [where, serving] = [standby.region, active.region];
  const whole = missing.length === active.indices.length ? `, ${size(active.managedBytes)}` : "";
  return judgement({
    notices: [
      ...(missing.length === 0
        ? []
        : [
            `${count(missing.length, "index", "indices")} of ${serving} are copied to ${where}${whole}, ` +
              `${config.replication.copiesAtOnce} at once: ${listed(
                missing.map(({ name }) => name),
                5,
              )}`,
          ]),
      ...(active.indices.length === 0 ? [`no index of ${serving} matches replication.patterns yet`] : []),
      ...(cannot.length === 0 ? [] : [`not replicated: ${listed(cannot, 5)}`]),
    ],
    inTheWay: [
      ...(inBoth.length === 0
        ? []
        : [
            `in both regions, and no followers: ${listed(inBoth, 5)}. Copy what you need of them in ${where} and delete them there, ` +
              "and the watchdog follows them; or leave them out by replication.exclusions",
          ]),
      ...(alone.length === 0
        ? []
        : [
            `in ${where} alone: ${listed(alone, 5)}. It would be served after a failover: delete it there, or leave it out by ` +
              "replication.exclusions",
          ]),
    ],
  });
}

/** Elasticsearch follows no new index that two auto-follow patterns match. */
function judgePatterns(
  active: ClusterFacts,
  standby: ClusterFacts,
  aliases: Aliases,
  { replication }: AdoptionConfig,
): Judgement {
  const present = standby.autoFollow
    .filter(({ remoteCluster }) => remoteCluster === aliases[active.region])
    .map((pattern) => ({ ...pattern, remoteCluster: active.region }));
  const used = usedAutoFollow(active.region, present, replication);
  const others = present.filter((pattern) => pattern.name !== used?.name && matchesManaged(pattern, replication));
  return judgement({
    takenOver: used === undefined ? [] : [`the auto-follow pattern ${used.name} in ${standby.region}`],
    inTheWay: others.map(
      ({ name, patterns, followerNames }) =>
        `the auto-follow pattern ${name} in ${standby.region} (${listed(patterns, 3)}${followerNames === undefined ? "" : ` as ${followerNames}`}) ` +
        "matches indices of replication.patterns and does not do the same: Elasticsearch follows no new index that two patterns " +
        `match. Delete it (\`DELETE /_ccr/auto_follow/${name}\`): the watchdog puts its own, and followers stay`,
    ),
  });
}

/** A pattern in the active region would follow the standby's followers. */
function judgeReverse(
  active: ClusterFacts,
  standby: ClusterFacts,
  aliases: Aliases,
  { replication }: AdoptionConfig,
): Judgement {
  const reverse = active.autoFollow.filter(
    (pattern) =>
      pattern.remoteCluster === aliases[standby.region] && pattern.active && matchesManaged(pattern, replication),
  );
  return judgement({
    inTheWay: reverse.map(
      ({ name }) =>
        `the auto-follow pattern ${name} in ${active.region} follows ${standby.region}, which is the standby: pause it ` +
        `(\`POST /_ccr/auto_follow/${name}/pause\`)`,
    ),
  });
}

/** The watchdog's role covers the patterns alone, and setting a write alias needs the privilege on the alias as well. */
function judgeAliases({ region, indices }: ClusterFacts, { replication }: AdoptionConfig): Judgement {
  const aliases = new Set(
    indices.flatMap(({ aliases: own }) =>
      own.filter(({ alias, isWriteIndex }) => isWriteIndex && !isManaged(replication, alias)).map(({ alias }) => alias),
    ),
  );
  if (aliases.size === 0) return judgement();
  const sentence =
    `write aliases of ${region} that no pattern matches: ${listed([...aliases], 5)}. The watchdog could not set them after a promotion: ` +
    "add their names to replication.patterns";
  return judgement({ inTheWay: [sentence] });
}

function judgeDefinitions(active: ClusterFacts, standby: ClusterFacts): Judgement {
  const present = new Set(standby.definitions.map(({ kind, name }) => `${kind} ${name}`));
  const differing = differingDefinitions(active.definitions, standby.definitions).map(
    ({ kind, name }) => `${kind} ${name}`,
  );
  const replaced = differing.filter((each) => present.has(each));
  const added = differing.filter((each) => !present.has(each));
  return judgement({
    notices: [
      ...(replaced.length === 0
        ? []
        : [
            `replaced in ${standby.region} by those of ${active.region}: ${listed(replaced, 5)} (replication.definitions)`,
          ]),
      ...(added.length === 0 ? [] : [`copied to ${standby.region}: ${listed(added, 5)}`]),
    ],
  });
}
