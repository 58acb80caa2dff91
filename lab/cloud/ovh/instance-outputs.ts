import { macAddress } from "../../hosts/addressing.ts";
import type { PropertyMap } from "../protocol/values.ts";
import { flavorsOf, imagesOf } from "./catalog.ts";
import { asProperties, timesAndChecksum } from "./common.ts";
import type { Instance, InstanceNetwork } from "./state.ts";

export function inputsOf(instance: Instance): PropertyMap {
  const { name, region, serviceName, flavorId, imageId, groupId, sshKeyName } = instance;
  const { securityGroupIds, networks, volumeIds, powerState } = instance;
  const plain = { name, region, serviceName, flavorId, imageId, groupId, sshKeyName };
  return asProperties({ ...plain, securityGroupIds, networks, volumeIds, powerState });
}

export function outputsOf(instance: Instance): PropertyMap {
  const { region, securityGroupIds = ["default"] } = instance;
  const common = timesAndChecksum(instance, inputsOf(instance));
  const located = { availabilityZone: "nova", powerState: instance.powerState, securityGroupIds };
  return asProperties({
    resourceStatus: "READY",
    ...common,
    ...located,
    currentState: {
      name: instance.name,
      flavor: flavorState(instance),
      image: imageState(instance),
      group: instance.groupId === undefined ? null : { id: instance.groupId },
      hostId: instance.hostId,
      location: { region, availabilityZone: "nova" },
      locked: false,
      networks: instance.networks.map((entry) => networkState(instance, entry)),
      powerState: instance.powerState,
      projectId: instance.serviceName,
      securityGroups: securityGroupIds.map((id) => ({ id })),
      shares: [],
      sshKeyName: instance.sshKeyName ?? null,
      userId: "lab",
      volumes: instance.volumeIds.map((id) => ({ id })),
    },
  });
}

function flavorState({ region, flavorId }: Instance) {
  const flavor = flavorsOf(region).find(({ id }) => id === flavorId);
  if (flavor === undefined) return null;
  const { id, name, vcpus, ramMiB, diskGiB } = flavor;
  return { id, name, vcpus, ram: ramMiB, disk: diskGiB, swap: 0, ephemeral: 0 };
}

function imageState({ region, imageId }: Instance) {
  const image = imagesOf(region).find(({ id }) => id === imageId);
  return image === undefined
    ? null
    : { id: image.id, name: image.name, size: image.sizeGiB, status: "ACTIVE", deprecated: false };
}

function networkState(instance: Instance, entry: InstanceNetwork) {
  const ip = entry.networkId === undefined ? instance.publicIp : instance.privateIp;
  // The API omits the list where it is empty.
  const addresses = ip === undefined ? null : [{ ip, mac: macAddress(ip), type: "FIXED", version: 4 }];
  return { id: entry.networkId ?? "Ext-Net", subnetId: entry.subnetId ?? null, gatewayId: null, addresses };
}
