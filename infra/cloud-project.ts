import * as ovh from "@ovhcloud/pulumi-ovh";
import { messageOf } from "../watchdog/util/errors.ts";
import type { StackConfig } from "./config/schema.ts";
import { regionPlan } from "./topology/model.ts";
import { planTopology } from "./topology/plan.ts";

/** What the OVHcloud project has to offer before anything can be made in it: its regions, its vRack, its quotas. */

interface Limit {
  readonly limit: number;
  readonly used: number | null;
}

export interface ProjectFacts {
  readonly regions: readonly {
    readonly name: string;
    readonly status: string;
    readonly availabilityZones: readonly string[];
  }[];
  readonly hasVrack: boolean;
  /** Of the stack's region. Null where the API does not tell. */
  readonly quota: { readonly instances: Limit; readonly cores: Limit; readonly volumes: Limit } | null;
  /** Names of what exists in the stack's region. */
  readonly instances: readonly string[];
  readonly volumes: readonly string[];
  /** Cores of a flavor by its name. */
  readonly cores: Readonly<Record<string, number>>;
}

/** Why the stack cannot be made in the project: a sentence each, with what to do. */
export function projectViolations(config: StackConfig, facts: ProjectFacts): readonly string[] {
  const site = regionPlan(planTopology(config), config.region);
  const region = facts.regions.find(({ name }) => name === site.ovhRegion);
  const has = facts.regions
    .map(({ name }) => name)
    .sort()
    .join(", ");
  if (region === undefined) {
    return [
      `The OVHcloud project has no region ${site.ovhRegion}: activate it in the console (Public Cloud, Quota and Regions), or choose one of ${has}.`,
    ];
  }
  const missingZones = site.availabilityZones
    ? site.zones.filter((zone) => !region.availabilityZones.includes(zone))
    : [];
  return [
    ...(region.status === "ENABLED"
      ? []
      : [
          `OVHcloud's region ${region.name} is ${region.status}: activate it in the console, or wait until its maintenance has ended.`,
        ]),
    ...(missingZones.length === 0
      ? []
      : [
          `OVHcloud's region ${region.name} has no availability zone ${missingZones.join(", ")}: name those of ` +
            `${region.availabilityZones.join(", ") || "another region"} in es-failover:regions.${site.name}.zones.`,
        ]),
    ...(facts.hasVrack
      ? []
      : [
          "The OVHcloud project has no vRack: attach one to it in the console (Network, vRack private network), which costs nothing.",
        ]),
    ...quotaViolations(config, facts),
  ];
}

/** Only what does not exist yet counts: an update of a region that fills its quota is none. */
function quotaViolations(config: StackConfig, { quota, instances, volumes, cores }: ProjectFacts): readonly string[] {
  if (quota === null) return [];
  const { hosts, ovhRegion } = regionPlan(planTopology(config), config.region);
  const fresh = hosts.filter(({ name }) => !instances.includes(name));
  const needs = [
    { what: "instances", of: quota.instances, count: fresh.length },
    {
      what: "cores",
      of: quota.cores,
      count: fresh.reduce((sum, { role }) => sum + (cores[config.flavors[role]] ?? 0), 0),
    },
    {
      what: "volumes",
      of: quota.volumes,
      count: hosts.filter(({ name, role }) => role === "elasticsearch" && !volumes.includes(`${name}-data`)).length,
    },
  ];
  return needs.flatMap(({ what, of: { limit, used }, count }) => {
    // OpenStack shows "no limit" as -1, and no usage where a service counts none.
    if (limit < 0 || used === null || used + count <= limit) return [];
    return [
      `OVHcloud's quota in ${ovhRegion} allows ${limit} ${what}, ${used} are in use, and the stack needs ${count} more: ask for a larger ` +
        "quota in the console (Public Cloud, Quota and Regions), or plan fewer or smaller hosts.",
    ];
  });
}

/** @param note gets a sentence for what OVHcloud does not tell; the update then finds it out */
export async function readProject(config: StackConfig, note: (text: string) => void): Promise<ProjectFacts> {
  const { serviceName } = config;
  const region = regionPlan(planTopology(config), config.region).ovhRegion;
  const [{ regions }, hasVrack, quota, instances, volumes, { flavors }] = await Promise.all([
    ovh.getCloudRegions({ serviceName }),
    hasVrackOf(serviceName, note),
    optional("quotas", note, async () => {
      const { currentState } = await ovh.getCloudQuota({ serviceName, region });
      const own = currentState.regions.find((state) => state.region === region);
      return own === undefined ? null : { ...own.compute, volumes: own.volume.volumes };
    }),
    optional("instances", note, async () => (await ovh.getCloudInstances({ serviceName })).instances),
    optional("volumes", note, async () => (await ovh.getCloudStorageBlockVolumes({ serviceName, region })).volumes),
    ovh.getCloudInstanceFlavors({ serviceName, region }),
  ]);
  const isKnown = instances !== null && volumes !== null;
  return {
    regions,
    hasVrack,
    // Without the names of what exists, the quota cannot be judged.
    quota: isKnown ? quota : null,
    instances: (instances ?? []).filter((instance) => instance.region === region).map(({ name }) => name),
    volumes: (volumes ?? []).map(({ name }) => name),
    cores: Object.fromEntries(flavors.map(({ name, vcpus }) => [name, vcpus])),
  };
}

async function hasVrackOf(serviceName: string, note: (text: string) => void): Promise<boolean> {
  try {
    return (await ovh.cloudproject.getVRack({ serviceName })).id !== "";
  } catch (error) {
    if (/404|not found|no vrack/i.test(messageOf(error))) return false;
    note(`OVHcloud does not tell whether the project has a vRack: ${messageOf(error)}`);
    return true;
  }
}

async function optional<T>(
  what: string,
  note: (text: string) => void,
  read: () => Promise<T | null>,
): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    note(`OVHcloud does not tell the project's ${what}, so that they are not checked beforehand: ${messageOf(error)}`);
    return null;
  }
}
