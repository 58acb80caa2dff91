import { type RoleScope, rolesOf, type UserKey, users } from "../../watchdog/config/roles.ts";

/**
 * Where provisioning creates the users. Those of the watchdog and of the health check are in the file realm of each node:
 * Elasticsearch refuses every user of its native realm while its security index has no primary, although it serves.
 */

export const fileUsers = ["watchdog", "haproxyCheck"] as const satisfies readonly UserKey[];
export const nativeUsers = ["app"] as const satisfies readonly UserKey[];

/** Passwords of the users. There is an exporter only with the monitoring of provisioning. */
export type UserPasswords = Readonly<Record<Exclude<UserKey, "exporter">, string>> & { readonly exporter?: string };

/** Input of file-users.py. */
export function fileUsersInput(
  { directory, group, ...scope }: RoleScope & { readonly directory: string; readonly group: string },
  { exporter, ...passwords }: UserPasswords,
): string {
  const keys = [...fileUsers, ...(exporter === undefined ? [] : (["exporter"] as const))];
  const entries = keys.map((key) => ({
    ...users[key],
    password: key === "exporter" ? (exporter ?? "") : passwords[key],
  }));
  return JSON.stringify({ directory, group, users: entries, roles: rolesOf(keys, scope) });
}
