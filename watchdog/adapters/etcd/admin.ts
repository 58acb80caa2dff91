/** Administration of etcd itself by provisioning and operators: members, users, roles. */
import type { EtcdClient } from "./client.ts";
import { EtcdError } from "./errors.ts";
import { type EtcdMember, emptyAnswer, memberAddAnswer, membersAnswer, prefixEnd, toBase64 } from "./wire.ts";

/** The members as their majority knows them, rather than as the one that answers remembers. */
export async function members(client: EtcdClient): Promise<readonly EtcdMember[]> {
  const answer = await client.call({
    what: "member list",
    path: "cluster/member/list",
    body: { linearizable: true },
    answer: membersAnswer,
    effect: "read",
  });
  return answer.members;
}

/**
 * Adds a member that does not vote yet, so that a region which comes back empty cannot cost the quorum while it copies.
 * Returns it with its new id.
 */
export async function addLearner(client: EtcdClient, peerUrl: string): Promise<EtcdMember> {
  const answer = await client.call({
    what: `member add ${peerUrl}`,
    path: "cluster/member/add",
    body: { peerURLs: [peerUrl], isLearner: true },
    answer: memberAddAnswer,
    effect: "once",
  });
  return answer.member;
}

/** Makes a learner a voter. Throws `EtcdError` "rejected" while it has not caught up: try again later. */
export async function promoteLearner(client: EtcdClient, id: string): Promise<void> {
  await command(client, `member promote ${id}`, "cluster/member/promote", { ID: id });
}

export async function removeMember(client: EtcdClient, id: string): Promise<void> {
  await command(client, `member remove ${id}`, "cluster/member/remove", { ID: id });
}

export interface AuthenticationSettings {
  readonly rootPassword: string;
  /** The watchdogs' user, and the prefix that it may read and write. */
  readonly user: { readonly name: string; readonly password: string; readonly prefix: string };
}

/**
 * Creates the users `root` and the watchdogs' own with its role, then turns authentication on. Takes a client without
 * credentials, because none exist before. Existing users and roles stay, so an interrupted run can be repeated.
 */
export async function enableAuthentication(client: EtcdClient, { rootPassword, user }: AuthenticationSettings) {
  const run = (what: string, path: string, body: object) => command(client, what, path, body);
  const add = async (what: string, path: string, body: object) => {
    try {
      await run(what, path, body);
    } catch (error) {
      if (!(error instanceof EtcdError && error.message.includes("already exists"))) throw error;
    }
  };
  const role = user.name;
  const perm = { permType: "READWRITE", key: toBase64(user.prefix), range_end: prefixEnd(user.prefix) };
  await add("user add root", "auth/user/add", { name: "root", password: rootPassword });
  await run("user grant root", "auth/user/grant", { user: "root", role: "root" });
  await add(`role add ${role}`, "auth/role/add", { name: role });
  await run(`role grant ${role}`, "auth/role/grant", { name: role, perm });
  await add(`user add ${user.name}`, "auth/user/add", { name: user.name, password: user.password });
  await run(`user grant ${user.name}`, "auth/user/grant", { user: user.name, role });
  await run("auth enable", "auth/enable", {});
}

export async function changePassword(client: EtcdClient, name: string, password: string): Promise<void> {
  await command(client, `user passwd ${name}`, "auth/user/changepw", { name, password });
}

/** A call whose answer carries nothing, and which must not run twice. */
async function command(client: EtcdClient, what: string, path: string, body: object): Promise<void> {
  await client.call({ what, path, body, answer: emptyAnswer, effect: "once" });
}
