import type { RestCluster } from "./ccr-pair.ts";

/** What a test could find in a cluster. */
export async function contentsOf(cluster: RestCluster): Promise<Record<string, unknown>> {
  const paths = {
    indices: "/_resolve/index/*?expand_wildcards=all",
    settings: "/_cluster/settings?flat_settings=true",
    patterns: "/_ccr/auto_follow",
    followers: "/_all/_ccr/info",
    templates: "/_index_template",
    components: "/_component_template",
    users: "/_security/user",
    roles: "/_security/role",
    remotes: "/_remote/info",
  };
  const answers = Object.entries(paths).map(async ([name, path]) => [name, (await cluster.rest("GET", path)).body]);
  return Object.fromEntries(await Promise.all(answers));
}
