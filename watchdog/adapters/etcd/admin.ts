/** What provisioning and operators do with etcd itself: members, users, roles. */
import type { EtcdClient } from "./client.ts";
import { EtcdError } from "./errors.ts";
import { type EtcdMember, emptyAnswer, memberAddAnswer, membersAnswer, prefixEnd, toBase64 } from "./wire.ts";

/** The members, with the agreement of their majority: not what the one that answers remembers. */
export async function members(client: EtcdClient): Promise<readonly EtcdMember[]> {
  const body = { linearizable: true };
  return (await client.call("member list", "cluster/member/list", body, membersAnswer, "read")).members;
}

/**
 * Adds a member that does not vote yet, so that a region which comes back empty cannot cost the quorum while it copies.
 * Returns it with its new id.
 */
export async function addLearner(client: EtcdClient, peerUrl: string): Promise<EtcdMember> {
  const body = { peerURLs: [peerUrl], isLearner: true };
  return (await client.call(`member add ${peerUrl}`, "cluster/member/add", body, memberAddAnswer, "once")).member;
}

/** Makes a learner a voter. Throws `EtcdError` "rejected" while it has not caught up: try again later. */
export async function promoteLearner(client: EtcdClient, id: string): Promise<void> {
  await client.call(`member promote ${id}`, "cluster/member/promote", { ID: id }, emptyAnswer, "once");
}

export async function removeMember(client: EtcdClient, id: string): Promise<void> {
  await client.call(`member remove ${id}`, "cluster/member/remove", { ID: id }, emptyAnswer, "once");
}

export interface AuthenticationSetUp {
  readonly rootPassword: string;
  /** The watchdogs' user and the prefix that it may read and write. */
  readonly user: { readonly name: string; readonly password: string; readonly prefix: string };
}

/**
 * Creates the users `root` and the watchdogs' own with its role, then turns authentication on. Takes a client without
 * credentials, as nobody has any yet. What is there already stays, so an interrupted run can be repeated.
 */
export async function enableAuthentication(client: EtcdClient, { rootPassword, user }: AuthenticationSetUp) {
  const call = (what: string, path: string, body: object) => client.call(what, path, body, emptyAnswer, "once");
  const add = async (what: string, path: string, body: object) => {
    try {
      await call(what, path, body);
    } catch (error) {
      if (!(error instanceof EtcdError && error.message.includes("already exists"))) throw error;
    }
  };
  const role = user.name;
  const perm = { permType: "READWRITE", key: toBase64(user.prefix), range_end: prefixEnd(user.prefix) };
  await add("user add root", "auth/user/add", { name: "root", password: rootPassword });
  await call("user grant root", "auth/user/grant", { user: "root", role: "root" });
  await add(`role add ${role}`, "auth/role/add", { name: role });
  await call(`role grant ${role}`, "auth/role/grant", { name: role, perm });
  await add(`user add ${user.name}`, "auth/user/add", { name: user.name, password: user.password });
  await call(`user grant ${user.name}`, "auth/user/grant", { user: user.name, role });
  await call("auth enable", "auth/enable", {});
}

export async function changePassword(client: EtcdClient, name: string, password: string): Promise<void> {
  await client.call(`user passwd ${name}`, "auth/user/changepw", { name, password }, emptyAnswer, "once");
}
