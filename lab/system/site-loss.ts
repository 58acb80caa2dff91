import { LabCloud } from "../cloud/ovh/cloud.ts";
import { labRegionOf } from "../cloud/ovh/regions.ts";
import type { CloudState } from "../cloud/ovh/state.ts";
import type { Stack } from "./configuration.ts";
import type { TwoRegions } from "./two-regions.ts";

/**
 * Loses a site for good: its power ends at once, everything that it has in the cloud is deleted without Pulumi, and the state
 * of its stack is lost. Its configuration is kept, as it is in a repository.
 */
export async function loseSite(system: TwoRegions, site: Stack): Promise<void> {
  const { lab, engine } = system;
  await system.hosts.cutPower(site);
  for (const host of await system.hosts.names(new RegExp(`^${site}-`))) await lab.removeHost(host);
  const volumes = await new LabCloud(lab.directory).transaction((state) => deleteRecords(state, site));
  for (const volume of volumes) await lab.deleteVolume(volume);
  await engine.run(["stack", "rm", "--force", "--preserve-config", "--yes", site]);
  await engine.run(["stack", "select", "--create", site]);
}

/** @returns the identifiers of the volumes */
function deleteRecords(state: CloudState, site: Stack): readonly string[] {
  const ofSite = ({ region }: { readonly region: string }) => labRegionOf(region) === site;
  const volumes = Object.values(state.volumes).filter(ofSite);
  const { networks, subnets, securityGroups, instanceGroups, instances } = state;
  for (const records of [instances, state.volumes, subnets, networks, securityGroups, instanceGroups]) {
    for (const record of Object.values(records).filter(ofSite)) delete records[record.id];
  }
  // Keys are the project's, and have the site in their names.
  const keys = Object.values(state.sshKeys).filter(({ name }) => name.startsWith(`es-failover-${site}`));
  for (const { id } of keys) delete state.sshKeys[id];
  return volumes.map(({ id }) => id);
}
