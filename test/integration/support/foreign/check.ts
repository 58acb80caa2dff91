import type { ClusterClient } from "../../../../lab/elasticsearch/cluster-client.ts";
import { eventually } from "../../../../lab/util/until.ts";
import { messageOf } from "../../../../watchdog/util/errors.ts";
import type { ForeignClusters } from "./contract-file.ts";

const ANSWER_MS = 10_000;
const CONNECT_MS = 15_000;
/** Licences that include cross-cluster replication. */
const licences: readonly unknown[] = ["trial", "platinum", "enterprise"];

/**
 * Whether the tests can run on two clusters.
 *
 * @param prefix of the name of an index that is made and deleted in the leader's cluster
 * @returns lines that describe them
 * @throws Error that names the first thing that is wrong, and what to do
 */
export async function checkForeignClusters(clusters: ForeignClusters, prefix: string): Promise<readonly string[]> {
  const { leader, follower, remote } = clusters;
  const [ofLeader, ofFollower] = [await checkCluster(leader), await checkCluster(follower)];
  if (ofLeader.uuid === ofFollower.uuid) {
    throw new Error("leader and follower are the same cluster: followers have the names of their leaders, so name two");
  }
  await checkRemote(clusters, `${prefix}probe`);
  return [`leader    ${ofLeader.line}`, `follower  ${ofFollower.line}, knows the leader's cluster as "${remote}"`];
}

async function checkCluster(cluster: ClusterClient): Promise<{ readonly uuid: string; readonly line: string }> {
  const at = `${cluster.name} ${cluster.urls[0]}`;
  const main = await ask(cluster, at);
  const { roles } = await cluster.call("GET", "/_security/_authenticate");
  if (!roles.includes("superuser")) {
    throw new Error(
      `${at}: user "${cluster.elastic.username}" lacks the role superuser, which the tests need to make users and roles`,
    );
  }
  const { license } = await cluster.call("GET", "/_license");
  if (license.status !== "active" || !licences.includes(license.type)) {
    throw new Error(
      `${at}: the licence (${license.type}, ${license.status}) has no cross-cluster replication: install Platinum or Enterprise, or start the trial`,
    );
  }
  const version = `Elasticsearch ${main.version.number} with ${await replicationModule(cluster)}`;
  return { uuid: main.cluster_uuid, line: `${main.cluster_name}, ${version}, ${license.type} licence` };
}

async function ask(cluster: ClusterClient, at: string) {
  const { status, body } = await cluster.rest("GET", "/", { timeoutMs: ANSWER_MS }).catch((error: unknown) => {
    throw new Error(`${at} ${isAboutCertificates(error) ? wrongCertificate(cluster) : noAnswer(error)}`);
  });
  if (status === 401) {
    throw new Error(`${at} refuses user "${cluster.elastic.username}": check user and passwordFile`);
  }
  if (status !== 200) throw new Error(`${at} answered ${status} to GET /: ${JSON.stringify(body)}`);
  return body;
}

const noAnswer = (error: unknown) => `does not answer: ${messageOf(error)}. Check url, and the firewall between`;

const wrongCertificate = ({ caFile }: ClusterClient) =>
  `has a certificate for another name, or one that ${caFile} did not sign: check url and caFile`;

/** By the codes of OpenSSL and of Node's TLS. */
function isAboutCertificates(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_)/.test(code);
}

async function replicationModule(cluster: ClusterClient): Promise<string> {
  const { nodes } = await cluster.call("GET", "/_nodes/plugins");
  const modules = (Object.values(nodes) as { modules: { name: string }[] }[]).flatMap((node) => node.modules);
  return modules.some(({ name }) => name === "lab-ccr") ? "the lab's stand-in for CCR" : "Elastic's CCR";
}

async function checkRemote({ leader, follower, remote }: ForeignClusters, probe: string): Promise<void> {
  const remotes = async () => follower.call("GET", "/_remote/info");
  const known = Object.keys(await remotes());
  if (!known.includes(remote)) {
    throw new Error(
      `follower ${follower.urls[0]} has no remote cluster "${remote}" (it has: ${known.join(", ") || "none"}): correct remote, or set cluster.remote.${remote}.*`,
    );
  }
  // Without something to ask, a cluster does not connect to a remote one that was away.
  const resolve = (names: string) => follower.rest("GET", `/_resolve/${names}`, { timeoutMs: ANSWER_MS });
  await eventually("connected", CONNECT_MS, async () => {
    await resolve(`cluster/${remote}:*`);
    return (await remotes())[remote].connected === true;
  }).catch(() => {
    throw new Error(`follower ${follower.urls[0]} is not connected to its remote cluster "${remote}": see its log`);
  });
  await leader.call("PUT", `/${probe}`, { body: { settings: { number_of_replicas: 0 } } });
  try {
    const found = await resolve(`index/${remote}:${probe}`);
    if (found.body.indices?.length !== 1) {
      throw new Error(
        `"${remote}" of follower ${follower.urls[0]} is another cluster than leader ${leader.urls[0]}: correct remote or leader.url`,
      );
    }
  } finally {
    await leader.call("DELETE", `/${probe}`);
  }
}
