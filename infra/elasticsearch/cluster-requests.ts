import type { StackConfig } from "../config/schema.ts";
import { roleDefinitions, type UserKey, userKeys, users } from "./users.ts";

/** One PUT to the cluster's API. It states the whole object, so that it can be repeated. */
export interface ClusterRequest {
  readonly path: string;
  readonly body: unknown;
}

/** The licence, the roles and the users of a cluster. */
export function clusterRequests(
  { replication, licenceFile }: Pick<StackConfig, "replication" | "licenceFile">,
  passwords: Readonly<Record<UserKey, string>>,
): ClusterRequest[] {
  const roles = Object.entries(roleDefinitions(replication.patterns));
  return [
    ...(licenceFile === undefined ? [] : [{ path: "/_license?acknowledge=true", body: JSON.parse(licenceFile) }]),
    ...roles.map(([role, body]) => ({ path: `/_security/role/${role}`, body })),
    ...userKeys.map((key) => ({
      path: `/_security/user/${users[key].name}`,
      body: { password: passwords[key], roles: [users[key].role] },
    })),
  ];
}
