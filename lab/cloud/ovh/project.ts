import { optionalText, text } from "../protocol/inputs.ts";
import type { FunctionType } from "../protocol/package.ts";
import { flavorsOf } from "./catalog.ts";
import type { Cloud } from "./cloud.ts";
import { asProperties } from "./common.ts";
import type { CloudState } from "./state.ts";

/** The Public Cloud project of the lab's cloud: regions, vRack and quotas. */

interface Project {
  readonly regions: readonly string[];
  readonly hasVrack: boolean;
  readonly instances: number;
  readonly cores: number;
  readonly volumes: number;
  /** DNS zones of the account. */
  readonly zones: readonly string[];
}

/** Environment variable with another project, as JSON: what it names replaces the lab's generous one. */
export const projectVariable = "ES_FAILOVER_LAB_PROJECT";

function project(): Project {
  const regions = ["GRA9", "GRA11", "BHS5", "DE1", "UK1", "WAW1", "SBG5"];
  const own = JSON.parse(process.env[projectVariable] ?? "{}") as Partial<Project>;
  return { regions, hasVrack: true, instances: 100, cores: 400, volumes: 100, zones: ["example.com"], ...own };
}

export const projectZones = (): readonly string[] => project().zones;

export const getCloudRegions: FunctionType = async (args) => ({
  ...args,
  id: text(args, "serviceName"),
  regions: project().regions.map((name) => ({
    name,
    status: "ENABLED",
    availabilityZones: [],
    continent: "EU",
    country: "FR",
    datacenterName: name,
    services: ["instance", "network", "volume"],
  })),
});

export const getVRack: FunctionType = async (args) => {
  if (!project().hasVrack) throw new Error("404 Not Found: the project has no vRack");
  return { ...args, id: "pn-1", name: "pn-1", description: "" };
};

export const projectFunctions = (cloud: Cloud): Readonly<Record<string, FunctionType>> => ({
  "ovh:index/getCloudRegions:getCloudRegions": getCloudRegions,
  "ovh:CloudProject/getVRack:getVRack": getVRack,
  "ovh:index/getCloudQuota:getCloudQuota": async (args) => {
    const state = await cloud.state();
    const asked = optionalText(args, "region");
    const regions = project().regions.filter((name) => asked === undefined || name === asked);
    return asProperties({
      ...args,
      id: text(args, "serviceName"),
      currentState: {
        availableProfiles: [],
        preventAutomaticQuotaUpgrade: false,
        regions: regions.map((name) => quotaOf(state, name)),
      },
    });
  },
  "ovh:index/getCloudInstances:getCloudInstances": async (args) => {
    const { instances } = await cloud.state();
    const listed = Object.values(instances).map(({ id, name, region, flavorId, imageId, powerState }) => ({
      ...{ id, name, region, flavorId, imageId, powerState },
    }));
    return asProperties({ ...args, id: text(args, "serviceName"), instances: listed });
  },
  "ovh:index/getCloudStorageBlockVolumes:getCloudStorageBlockVolumes": async (args) => {
    const { volumes } = await cloud.state();
    const here = Object.values(volumes).filter(({ region }) => region === text(args, "region"));
    const listed = here.map(({ id, name, region, sizeGiB, volumeType }) => ({
      ...{ id, name, volumeType },
      size: sizeGiB,
      location: { region, availabilityZone: "nova" },
    }));
    return asProperties({ ...args, id: text(args, "serviceName"), volumes: listed });
  },
});

function quotaOf(state: CloudState, region: string) {
  const limits = project();
  const instances = Object.values(state.instances).filter((instance) => instance.region === region);
  const coresOf = (id: string) => flavorsOf(region).find((flavor) => flavor.id === id)?.vcpus ?? 0;
  const limit = (most: number, used: number) => ({ limit: most, used, unit: "" });
  return {
    region,
    profile: "lab",
    compute: {
      instances: limit(limits.instances, instances.length),
      cores: limit(
        limits.cores,
        instances.reduce((sum, { flavorId }) => sum + coresOf(flavorId), 0),
      ),
      memory: limit(-1, 0),
    },
    volume: {
      volumes: limit(limits.volumes, Object.values(state.volumes).filter((volume) => volume.region === region).length),
    },
  };
}
