import { rolesOf, users } from "../../watchdog/config/roles.ts";
import type { StackConfig } from "../config/schema.ts";
import { fileUsers, nativeUsers, type UserPasswords } from "./users.ts";

/** One request to the cluster's API, a PUT where it has a body. It states the whole object, so that it can be repeated. */
export interface ClusterRequest {
  readonly path: string;
  /** null: the object is deleted, if there is one. */
  readonly body: unknown;
}

/** The licence, the roles and the users of a cluster's native realm. */
export function clusterRequests(
  { replication, licenceFile }: Pick<StackConfig, "replication" | "licenceFile">,
  passwords: UserPasswords,
): ClusterRequest[] {
  const roles = Object.entries(rolesOf(nativeUsers, replication));
  return [
    ...(licenceFile === undefined ? [] : [{ path: "/_license?acknowledge=true", body: JSON.parse(licenceFile) }]),
    ...roles.map(([role, body]) => ({ path: `/_security/role/${role}`, body })),
    ...nativeUsers.map((key) => ({
      path: `/_security/user/${users[key].name}`,
      body: { password: passwords[key], roles: [users[key].role] },
    })),
    // Earlier versions made these in the native realm, where they would keep their old passwords.
    ...fileUsers.flatMap((key) => [
      { path: `/_security/user/${users[key].name}`, body: null },
      { path: `/_security/role/${users[key].role}`, body: null },
    ]),
  ];
}
