import type { RegionName } from "../../config/address.ts";
import type { RemoteClusterSecurity } from "../../config/sections.ts";
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
  security: RemoteClusterSecurity,
): ConnectionFault | null {
  if (!configured)
    return { found: `${region} has no remote cluster named ${other}`, advice: `run \`pulumi up\` for ${region}` };
  if (connected) return null;
  if (security === "certificate") {
    const advice = `check that ${region} can reach port 9300 of ${other} and that both trust the same CA`;
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
