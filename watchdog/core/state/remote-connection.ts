import type { RegionName } from "../../config/address.ts";
import { remoteAliasOf } from "../../config/region-access.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { RemoteConnection } from "./cluster.ts";

/** What is wrong with the connection by which a region follows, and what to do. */
export interface ConnectionFault {
  readonly found: string;
  readonly advice: string;
}

/** The fault of the connection of `region` to `other`; null where there is none. */
export function connectionFault(
  region: RegionName,
  other: RegionName,
  { configured, connected, keyed }: RemoteConnection,
  config: Pick<WatchdogConfig, "regions" | "remoteClusterSecurity">,
): ConnectionFault | null {
  if (!configured) {
    const alias = remoteAliasOf(config, other);
    const advice = `run \`pulumi up\` for ${region}, or set cluster.remote.${alias} in a cluster of your own (docs/adoption.md)`;
    return { found: `${region} has no remote cluster named ${alias}`, advice };
  }
  if (connected) return null;
  if (config.remoteClusterSecurity === "certificate") {
    const advice = `check that ${region} can reach the transport port (9300) of ${other} and that both trust the same CA`;
    return { found: `${region} is not connected to ${other}`, advice };
  }
  const newKey = `run \`npm run remote-keys -- begin ${other}\`, then \`pulumi up\` for ${region}`;
  if (!keyed) return { found: `${region} has no API key of ${other}`, advice: newKey };
  return {
    found: `${region} is not connected to ${other}`,
    advice:
      `check that ${region} can reach port 9443 of ${other}; if ${other} was rebuilt, or its key ended, no cluster knows the key of ` +
      `${region}: ${newKey}`,
  };
}
