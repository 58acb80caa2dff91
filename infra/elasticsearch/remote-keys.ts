import { replicatedNames } from "../../watchdog/config/roles.ts";
import type { StackConfig } from "../config/schema.ts";
import { otherRegion, type Topology } from "../topology/model.ts";

/** Cross-cluster API keys: the one that a region's nodes follow by, and what those of the other region open in this one. */

type KeyConfig = Pick<StackConfig, "remoteClusterSecurity" | "remoteKey">;

/** The keystore's entry with which a node connects to a remote cluster by API key. */
export const keystoreEntry = (remote: string): string => `cluster.remote.${remote}.credentials`;

/** Entries of the keystore of a region that follows `remote`. */
export function remoteKeystore(
  { remoteClusterSecurity, remoteKey }: KeyConfig,
  remote: string,
): Readonly<Record<string, string>> {
  if (remoteClusterSecurity !== "api_key" || remoteKey === undefined) return {};
  return { [keystoreEntry(remote)]: remoteKey };
}

/** A new key in the cluster that `follower` follows, as the API wants it: for the replicated indices, and replication alone. */
export function keyRequest(follower: string, patterns: readonly string[]) {
  return { name: keyName(follower), access: { replication: [{ names: replicatedNames(patterns) }] } };
}

/** Name of all keys by which a region follows, in the cluster that it follows. */
export const keyName = (follower: string): string => `es-failover-${follower}`;

/** Input of remote-cluster.sh, without its address and password. */
export function remoteClusterInput(
  { remoteKey }: KeyConfig,
  { remote, patterns }: { readonly remote: string; readonly patterns: readonly string[] },
) {
  const { name: givenKeys, access } = keyRequest(remote, patterns);
  return { remote, hasKey: remoteKey === undefined ? "no" : "yes", givenKeys, access };
}

/** Why a region that is to follow by API key cannot yet, as a sentence with what to do; null when it can try. */
export function missingRemoteKey(
  { region, remoteClusterSecurity, remoteKey }: KeyConfig & Pick<StackConfig, "region">,
  topology: Topology,
): string | null {
  const isRegion = topology.regions.some(({ name }) => name === region);
  if (remoteClusterSecurity !== "api_key" || remoteKey !== undefined || !isRegion) return null;
  const remote = otherRegion(topology, region).name;
  return (
    `${region} has no key of ${remote}'s cluster yet and cannot follow ${remote}: once both regions are up, run ` +
    "`npm run remote-keys -- begin`, then `pulumi up` for both."
  );
}
