import { replicatedNames, users } from "../config/roles.ts";
import { permitsRemoteKeys } from "../config/sections.ts";
import { isOlder } from "../core/rules/preconditions.ts";
import { licenceFault } from "../core/state/licence.ts";
import type { ClusterFacts } from "./facts.ts";
import { type AdoptionConfig, type Aliases, type Judgement, judgement } from "./judgement.ts";
import { apiKeyRequest, seedsOf } from "./requests.ts";

/** What concerns one cluster by itself: licence, privileges, users, and its connection to the other. */
export function judgeCluster(
  cluster: ClusterFacts,
  other: ClusterFacts,
  aliases: Aliases,
  config: AdoptionConfig,
): Judgement {
  const { region, licence, maySetUp } = cluster;
  const fault = licenceFault(region, licence);
  const inTheWay: string[] = [];
  if (fault !== null) inTheWay.push(`${fault}: cross-cluster replication needs Platinum, Enterprise or a trial`);
  if (config.remoteClusterSecurity === "api_key" && !permitsRemoteKeys(licence.type)) {
    inTheWay.push(`the ${licence.type} licence of ${region} permits no cross-cluster API keys, which need Enterprise`);
  }
  if (!maySetUp) {
    inTheWay.push(
      `the administrator of ${region} lacks the cluster privileges manage and manage_security: use one that has them, or ` +
        "have the requests that --print shows made by someone who may",
    );
  }
  const remote = judgeRemote(cluster, other, aliases, config);
  const logins = judgeLogins(cluster, aliases[other.region] ?? other.region, config);
  return {
    takenOver: [...remote.takenOver, ...logins.takenOver],
    notices: [...remote.notices, ...logins.notices],
    inTheWay: [...inTheWay, ...remote.inTheWay, ...logins.inTheWay],
  };
}

function judgeRemote(
  { region, remotes }: ClusterFacts,
  other: ClusterFacts,
  aliases: Aliases,
  config: AdoptionConfig,
): Judgement {
  const alias = aliases[other.region] ?? other.region;
  const remote = remotes.find((each) => each.alias === alias);
  if (remote === undefined) {
    if (seedsOf(other, config).length > 0)
      return judgement({ notices: keyNotices(region, other.region, alias, config) });
    const sentence =
      `${region} has no remote cluster for ${other.region}, and would need one to follow it: write where its nodes are reached ` +
      `as regions.${other.region}.remoteSeeds, such as ["10.0.1.10:9300"]`;
    return judgement({ inTheWay: [sentence] });
  }
  if (remote.clusterUuid !== null && remote.clusterUuid !== other.clusterUuid) {
    const sentence = `the remote cluster ${alias} of ${region} is another cluster than that of ${other.region}: write the right name as regions.${other.region}.remoteAlias`;
    return judgement({ inTheWay: [sentence] });
  }
  if (!remote.connected) {
    const sentence =
      `${region} is not connected to its remote cluster ${alias}: it has to reach the transport port of ${other.region}, and both ` +
      `have to trust each other's certificates (or ${region} needs an API key of ${other.region})`;
    return judgement({ inTheWay: [sentence] });
  }
  return judgement({ takenOver: [`the remote cluster ${alias} of ${region}, which is ${other.region}`] });
}

/** A key goes into the keystores of the nodes, where only their administrators can write. */
function keyNotices(
  region: string,
  other: string,
  alias: string,
  { remoteClusterSecurity, replication }: AdoptionConfig,
): readonly string[] {
  if (remoteClusterSecurity === "certificate") return [];
  const access = { replication: [{ names: replicatedNames(replication.patterns) }] };
  const request = `POST /_security/cross_cluster/api_key ${JSON.stringify({ name: `es-failover-${region}`, access })}`;
  return [
    `${region} connects to ${other} once each of its nodes has a key in its keystore: \`${request}\` in ${other}, what it returns as ` +
      `\`encoded\` by \`elasticsearch-keystore add cluster.remote.${alias}.credentials\` on each node of ${region}, then \`POST ` +
      `/_nodes/reload_secure_settings\` there`,
  ];
}

function judgeLogins(cluster: ClusterFacts, otherAlias: string, config: AdoptionConfig): Judgement {
  const { region, logins } = cluster;
  const takenOver: string[] = [];
  const notices: string[] = [];
  const inTheWay: string[] = [];
  for (const key of ["watchdog", "haproxyCheck"] as const) {
    const login = logins[key];
    const { role } = users[key];
    const isKey = key === "watchdog" && config.keyed[region] === true;
    const what = isKey ? "the API key" : `the user ${login.user}`;
    if (login.kind === "accepted") {
      takenOver.push(`${what} of ${region}, whose credentials it accepts`);
      if (!isKey && !login.roles.includes(role)) {
        notices.push(
          `${what} of ${region} has the roles ${login.roles.join(", ") || "(none)"} in place of ${role}: they have to permit as much`,
        );
      }
    } else if (isKey) {
      inTheWay.push(
        `${region} accepts no API key from regions.${region}.apiKeyFile: make one with \`${apiKeyRequest(otherAlias, config)}\`, and ` +
          "write what it returns as `encoded` into that file",
      );
    } else if (login.kind === "refused") {
      inTheWay.push(
        `${what} exists in ${region}, and its password is not in the file: copy the file from the host where \`es-failover init\` ran ` +
          "first, or delete the user",
      );
    }
  }
  if ([logins.watchdog, logins.haproxyCheck].some((login) => login.kind === "absent" || isNative(login))) {
    notices.push(
      `users of ${region} in its native realm: while the index .security has no primary, the cluster refuses them, and the ` +
        "watchdogs cannot tell whether it is well. Users of the file realm on each node stay (docs/adoption.md)",
    );
  }
  return { takenOver, notices, inTheWay };
}

const isNative = (login: ClusterFacts["logins"]["watchdog"]): boolean =>
  login.kind === "accepted" && login.realm === "native";

/** A follower's cluster must not be older than its leader's, and roles change. */
export function judgeVersions(active: ClusterFacts, standby: ClusterFacts): Judgement {
  const follows = (follower: ClusterFacts, leader: ClusterFacts) =>
    !isOlder(follower.versions.lowest, leader.versions.highest);
  const older = (one: ClusterFacts, other: ClusterFacts) =>
    `${one.region} runs ${one.versions.lowest}, older than the ${other.versions.highest} of ${other.region}`;
  if (!follows(standby, active)) {
    return judgement({ inTheWay: [`${older(standby, active)}: it cannot follow. Upgrade it first`] });
  }
  if (follows(active, standby)) return judgement();
  const notice = `${older(active, standby)}: after a failover it could not follow back until it is upgraded`;
  return judgement({ notices: [notice] });
}
