import { present } from "../../util/present.ts";
import { maps, optionalText, text, texts } from "../protocol/inputs.ts";
import type { PropertyMap } from "../protocol/values.ts";
import { flavorsOf, imagesOf } from "./catalog.ts";
import { type Identity, serviceNameOf } from "./common.ts";
import { hypervisor, privateAddress, refuseVolumes, subnetOf } from "./placement.ts";
import type { CloudState, Instance, InstanceNetwork } from "./state.ts";

/** Makes the record of a new or changed instance. @throws Error with the rule that the inputs violate */
export function planInstance(
  inputs: PropertyMap,
  state: CloudState,
  identity: Identity,
  old: Instance | undefined,
): Instance {
  const serviceName = serviceNameOf(inputs);
  const region = text(inputs, "region");
  const name = text(inputs, "name");
  const place = { serviceName, region };
  const groupId = optionalText(inputs, "groupId");
  const sshKeyName = optionalText(inputs, "sshKeyName");
  const publicKey = old?.publicKey ?? keyNamed(state, sshKeyName, serviceName);
  const securityGroupIds = inputs["securityGroupIds"] === undefined ? undefined : texts(inputs, "securityGroupIds");
  refuseCatalogIds(inputs, region);
  refuseGroups(state, place, groupId, securityGroupIds);
  const hostName = old?.hostName ?? name;
  const twin = Object.values(state.instances).find((other) => other.id !== identity.id && other.hostName === hostName);
  if (twin !== undefined) throw new Error(`The lab has a host named ${hostName} already (in ${twin.region})`);
  const networks = maps(inputs, "networks").map(instanceNetwork);
  const entry = networks.find(({ networkId }) => networkId !== undefined);
  const privateIp =
    entry === undefined
      ? undefined
      : (old?.privateIp ?? privateAddress(state, subnetOf(state, entry, place), entry.ip, { id: identity.id, region }));
  const volumeIds = texts(inputs, "volumeIds");
  refuseVolumes(state, { id: identity.id, region, volumeIds });
  return {
    ...identity,
    ...place,
    name,
    hostName,
    flavorId: text(inputs, "flavorId"),
    imageId: text(inputs, "imageId"),
    networks,
    volumeIds,
    powerState: optionalText(inputs, "powerState") ?? "ACTIVE",
    hostId: old?.hostId ?? hypervisor(state, { id: identity.id, region, ...present({ groupId }) }),
    ...present({ groupId, sshKeyName, publicKey, securityGroupIds, privateIp, publicIp: old?.publicIp }),
  };
}

function instanceNetwork(entry: PropertyMap): InstanceNetwork {
  const { autoAssignPublicIp } = entry;
  return present({
    autoAssignPublicIp: typeof autoAssignPublicIp === "boolean" ? autoAssignPublicIp : undefined,
    networkId: optionalText(entry, "networkId"),
    subnetId: optionalText(entry, "subnetId"),
    ip: optionalText(entry, "ip"),
  });
}

function keyNamed(state: CloudState, name: string | undefined, serviceName: string): string | undefined {
  if (name === undefined) return undefined;
  const key = state.sshKeys[name];
  if (key === undefined || key.serviceName !== serviceName) {
    throw new Error(`There is no SSH key ${name} in the project ${serviceName}`);
  }
  return key.publicKey;
}

function refuseCatalogIds(inputs: PropertyMap, region: string): void {
  const flavorId = text(inputs, "flavorId");
  const imageId = text(inputs, "imageId");
  if (!flavorsOf(region).some(({ id }) => id === flavorId)) {
    throw new Error(`${region} has no flavor with the id ${flavorId}; getCloudInstanceFlavors lists them`);
  }
  if (!imagesOf(region).some(({ id }) => id === imageId)) {
    throw new Error(`${region} has no image with the id ${imageId}; getCloudInstanceImages lists them`);
  }
}

function refuseGroups(
  state: CloudState,
  place: { readonly serviceName: string; readonly region: string },
  groupId: string | undefined,
  securityGroupIds: readonly string[] | undefined,
): void {
  const isHere = (found: { region: string; serviceName: string } | undefined): boolean =>
    found?.region === place.region && found.serviceName === place.serviceName;
  if (groupId !== undefined && !isHere(state.instanceGroups[groupId])) {
    throw new Error(`There is no instance group ${groupId} in ${place.region}`);
  }
  for (const id of securityGroupIds ?? []) {
    if (!isHere(state.securityGroups[id])) throw new Error(`There is no security group ${id} in ${place.region}`);
  }
}
