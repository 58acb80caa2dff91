import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { authenticate, readClusterFacts } from "../adapters/elasticsearch/cluster-facts.ts";
import type { NodeAccess, NodesOptions } from "../adapters/elasticsearch/node-client.ts";
import { sendRequests } from "../adapters/elasticsearch/send-request.ts";
import { serviceOwner } from "../adapters/service-user.ts";
import type { Answers } from "../adoption/answers.ts";
import type { ClusterFacts, LoginKey } from "../adoption/facts.ts";
import type { AdoptionConfig } from "../adoption/judgement.ts";
import type { ClusterRequest } from "../adoption/requests.ts";
import type { RegionName } from "../config/address.ts";
import { readCredentials } from "../config/files.ts";
import { type Credentials, regionAccess } from "../config/region-access.ts";
import { users } from "../config/roles.ts";
import { writeFileAtomically } from "../util/files.ts";
import { nodeAccess, readNodeCa } from "./sources.ts";

/** Takes two clusters over that are there already: looks at them, and makes what they lack. */

/** By region: the credentials of an administrator. */
export type Administrators = Readonly<
  Record<RegionName, { readonly credentials: Credentials; readonly secret: string }>
>;

export async function lookAtClusters(
  answers: Answers,
  administrators: Administrators,
): Promise<Readonly<Record<RegionName, ClusterFacts>>> {
  const facts = Object.keys(answers.regions).map(async (region) => {
    const { entry } = answers;
    const watchdog = regionAccess(answers, region).credentials;
    const check = entry === null ? null : checkCredentials(entry);
    const found = await readClusterFacts({
      ...(await nodesAs(answers, region, administrators)),
      managed: answers.replication,
      definitions: answers.replication.definitions,
      keyedRemotes: answers.remoteClusterSecurity === "api_key",
      logins: {
        watchdog: { user: userOf(watchdog), access: await accessIfThere(answers, region, watchdog) },
        haproxyCheck: {
          user: check === null ? users.haproxyCheck.name : userOf(check),
          access: check === null ? "unused" : await accessIfThere(answers, region, check),
        },
      },
    });
    return [region, found] as const;
  });
  return Object.fromEntries(await Promise.all(facts));
}

export function adoptionConfig(answers: Answers): AdoptionConfig {
  const { replication, remoteClusterSecurity, firstPrimary = null } = answers;
  const byRegion = <T>(pick: (own: Answers["regions"][RegionName]) => T | undefined) =>
    Object.fromEntries(
      Object.entries(answers.regions).flatMap(([region, own]) => {
        const value = pick(own);
        return value === undefined ? [] : [[region, value] as const];
      }),
    );
  return {
    replication,
    remoteClusterSecurity,
    firstPrimary,
    remoteAliases: byRegion(({ remoteAlias }) => remoteAlias),
    remoteSeeds: byRegion(({ remoteSeeds }) => remoteSeeds),
    keyed: byRegion(({ apiKeyFile }) => apiKeyFile !== undefined),
  };
}

/** Files with the passwords of users that are to be created, which do not exist yet. */
export function secretFiles(answers: Answers, requests: readonly ClusterRequest[]): readonly string[] {
  const files = requests.flatMap(({ region, passwordOf }) =>
    passwordOf === undefined ? [] : [credentialsOf(answers, region, passwordOf).secret.file],
  );
  return [...new Set(files)];
}

/**
 * Writes the passwords, then sends the requests, then logs in with what was made. After a failure it can be repeated: files that
 * are there are used.
 */
export async function applyRequests(
  answers: Answers,
  administrators: Administrators,
  requests: readonly ClusterRequest[],
): Promise<void> {
  for (const file of secretFiles(answers, requests)) await writePasswordIfMissing(file);
  for (const region of Object.keys(answers.regions)) {
    const own = requests.filter((request) => request.region === region);
    const filled = await Promise.all(own.map((request) => withPassword(answers, request)));
    await sendRequests(await nodesAs(answers, region, administrators), filled);
    for (const { passwordOf } of own) {
      if (passwordOf !== undefined) await assertAccepted(answers, region, passwordOf);
    }
  }
}

/** A file of the service: no other user may read it. */
export async function writeOwnFile(file: string, content: string): Promise<void> {
  const owner = await serviceOwner();
  await mkdir(path.dirname(file), { recursive: true, mode: 0o755 });
  await writeFileAtomically(file, content, { mode: 0o600, ...(owner === undefined ? {} : { owner }) });
}

async function writePasswordIfMissing(file: string): Promise<void> {
  if (!existsSync(file)) await writeOwnFile(file, `${randomBytes(24).toString("base64url")}\n`);
}

async function withPassword(answers: Answers, request: ClusterRequest): Promise<ClusterRequest> {
  if (request.passwordOf === undefined) return request;
  const [password] = await readCredentials(credentialsOf(answers, request.region, request.passwordOf));
  return { ...request, body: { ...request.body, password } };
}

async function assertAccepted(answers: Answers, region: RegionName, key: LoginKey): Promise<void> {
  const credentials = credentialsOf(answers, region, key);
  const access = await accessIfThere(answers, region, credentials);
  const accepted = access === null ? null : await authenticate({ ...nodesOf(answers, region), access });
  if (accepted === null) {
    throw new Error(`${region} does not accept ${userOf(credentials)} with the password that it was just given`);
  }
}

function credentialsOf(answers: Answers, region: RegionName, key: LoginKey): Credentials {
  if (key === "watchdog") return regionAccess(answers, region).credentials;
  if (answers.entry === null) throw new Error("unreachable: without an entry there is no health check");
  return checkCredentials(answers.entry);
}

const checkCredentials = ({ username, passwordFile }: NonNullable<Answers["entry"]>): Credentials => ({
  kind: "password",
  username,
  secret: { key: "entry.passwordFile", file: passwordFile },
});

const userOf = (credentials: Credentials): string =>
  credentials.kind === "password" ? credentials.username : users.watchdog.name;

const nodesOf = (answers: Answers, region: RegionName): Omit<NodesOptions, "access"> => ({
  region,
  nodes: regionAccess(answers, region).nodes,
  requestTimeoutMs: answers.elasticsearch.requestTimeoutMs,
});

async function nodesAs(answers: Answers, region: RegionName, administrators: Administrators): Promise<NodesOptions> {
  const administrator = administrators[region];
  if (administrator === undefined) throw new Error(`unreachable: ${region} has an administrator`);
  const ca = await readNodeCa(regionAccess(answers, region).ca);
  return {
    ...nodesOf(answers, region),
    access: nodeAccess(administrator.credentials, [administrator.secret], ca),
  };
}

/** null while the file is not there. */
async function accessIfThere(
  answers: Answers,
  region: RegionName,
  credentials: Credentials,
): Promise<NodeAccess | null> {
  if (!existsSync(credentials.secret.file)) return null;
  const secrets = await readCredentials(credentials);
  return nodeAccess(credentials, secrets, await readNodeCa(regionAccess(answers, region).ca));
}
