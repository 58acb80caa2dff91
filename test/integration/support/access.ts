import type { ClusterAddress, Credentials } from "../../../lab/elasticsearch/cluster.ts";
import { basicAuthorization } from "../../../watchdog/adapters/elasticsearch/authorizations.ts";
import type { NodesOptions } from "../../../watchdog/adapters/elasticsearch/node-client.ts";

/** The nodes of a test cluster as the watchdog's adapters reach them, with one password. */
export const nodesAs = (
  { name, urls, ca }: Pick<ClusterAddress, "name" | "urls" | "ca">,
  { username, password }: Credentials,
): Pick<NodesOptions, "region" | "nodes" | "access"> => ({
  region: name,
  nodes: urls,
  access: { ca, authorizations: [basicAuthorization(username, password)] },
});
