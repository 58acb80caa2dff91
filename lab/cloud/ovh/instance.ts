import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { macAddress } from "../../hosts/addressing.ts";
import type { HostSpec, HostVolume } from "../../hosts/types.ts";
import { maps, optionalText, text, texts } from "../protocol/inputs.ts";
import type { Call, Problem, ResourceType } from "../protocol/package.ts";
import { isMap, type PropertyMap, type PropertyValue, sameValue, Unknown } from "../protocol/values.ts";
import { flavorsOf, imagesOf } from "./catalog.ts";
import type { Cloud, CloudHosts, CloudState, Instance, InstanceNetwork } from "./cloud.ts";
import { ingressOf } from "./firewall.ts";
import { asProperties, timesAndChecksum } from "./kinds.ts";
import { hypervisor, privateAddress, refuseVolumes, subnetOf } from "./placement.ts";
import {
  changeCloud,
  changedIdentity,
  commonProblems,
  describeRecord,
  fillName,
  goneError,
  type Identity,
  nameChange,
  newIdentity,
  present,
  serviceNameOf,
} from "./recorded.ts";
import { labRegionOf } from "./regions.ts";

const powerStates = ["ACTIVE", "SHUTOFF"];

function problems(inputs: PropertyMap): Problem[] {
  const found = [...commonProblems(inputs), ...networkProblems(inputs["networks"])];
  const { name, imageId, powerState, shares } = inputs;
  if (typeof name === "string" && !/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    found.push({ property: "name", reason: "becomes the host's name: small letters, digits and hyphens, up to 63" });
  }
  if (imageId === undefined) found.push({ property: "imageId", reason: "is required: the lab boots from images only" });
  if (typeof powerState === "string" && !powerStates.includes(powerState)) {
    const reason = `must be one of ${powerStates.join(", ")} in the lab, which cannot shelve an instance`;
    found.push({ property: "powerState", reason });
  }
  if (shares !== undefined) found.push({ property: "shares", reason: "the lab has no file storage" });
  return found;
}

/**
 * The documentation knows four shapes of a network entry. The lab serves the two that need nothing else: a public
 * interface with an assigned address, and an interface on a private network.
 */
function networkProblems(networks: PropertyValue | undefined): Problem[] {
  if (networks instanceof Unknown) return [];
  const entries = Array.isArray(networks) ? networks : [];
  const found: Problem[] = entries.flatMap((entry: PropertyValue, index) => {
    const reason = isMap(entry) ? entryFault(entry) : undefined;
    return reason === undefined ? [] : [{ property: `networks[${index}]`, reason }];
  });
  const known = entries.filter(isMap);
  const publicOnes = known.filter((entry) => entry["autoAssignPublicIp"] === true);
  const privateOnes = known.filter((entry) => entry["networkId"] !== undefined);
  if (publicOnes.length !== 1) {
    const reason = "needs exactly one entry { autoAssignPublicIp: true }: every host of the lab has a public interface";
    found.push({ property: "networks", reason });
  }
  if (privateOnes.length > 1) {
    found.push({
      property: "networks",
      reason: "names two private networks; the lab's hosts have one interface for it",
    });
  }
  return found;
}

function entryFault(entry: PropertyMap): string | undefined {
  const { autoAssignPublicIp, networkId, subnetId, ip } = entry;
  if (autoAssignPublicIp === true) {
    return networkId === undefined && ip === undefined ? undefined : "autoAssignPublicIp stands alone in its entry";
  }
  if (networkId === undefined)
    return "is no shape the lab serves: { autoAssignPublicIp: true } or { networkId, subnetId }";
  return subnetId === undefined || ip === ""
    ? "subnetId is required with networkId, and ip, where given, is an address"
    : undefined;
}

/** Makes the record of a new or changed instance, or throws with the rule that the inputs break. */
function plan(inputs: PropertyMap, state: CloudState, identity: Identity, old: Instance | undefined): Instance {
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

function volumesOf(state: CloudState, ids: readonly string[]): HostVolume[] {
  return ids.map((id) => ({ id, sizeGiB: state.volumes[id]?.sizeGiB ?? 0 }));
}

function hostSpec(state: CloudState, instance: Instance): HostSpec {
  const region = labRegionOf(instance.region);
  if (region === undefined) throw new Error(`${instance.region} is no region of the lab's cloud`);
  return {
    name: instance.hostName,
    region,
    authorizedKeys: instance.publicKey === undefined ? [] : [instance.publicKey],
    ingress: ingressOf(state, instance),
    volumes: volumesOf(state, instance.volumeIds),
    ...present({ privateIp: instance.privateIp }),
  };
}

function inputsOf(instance: Instance): PropertyMap {
  const { name, region, serviceName, flavorId, imageId, groupId, sshKeyName } = instance;
  const { securityGroupIds, networks, volumeIds, powerState } = instance;
  const plain = { name, region, serviceName, flavorId, imageId, groupId, sshKeyName };
  return asProperties({ ...plain, securityGroupIds, networks, volumeIds, powerState });
}

function outputsOf(instance: Instance): PropertyMap {
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
  const addresses = ip === undefined ? [] : [{ ip, mac: macAddress(ip), type: "FIXED", version: 4 }];
  return { id: entry.networkId ?? "Ext-Net", subnetId: entry.subnetId ?? null, gatewayId: null, addresses };
}

/** Forgets instances that a process did not live to finish, and those whose host somebody removed from the lab. */
async function sweep(state: CloudState, hosts: CloudHosts): Promise<void> {
  for (const { id, hostName, creator } of Object.values(state.instances)) {
    if (creator !== undefined && existsSync(`/proc/${creator}`)) continue;
    if (creator !== undefined) await hosts.removeHost(hostName);
    else if ((await hosts.host(hostName)) !== undefined) continue;
    delete state.instances[id];
  }
}

async function create(cloud: Cloud, inputs: PropertyMap, call: Call): Promise<{ id: string; outputs: PropertyMap }> {
  const id = randomUUID();
  const hosts = await cloud.hosts();
  // Names and addresses are claimed first, so that the host itself can be made outside the transaction, beside others.
  const spec = await changeCloud(cloud, async (state) => {
    await sweep(state, hosts);
    const instance = plan(inputs, state, newIdentity(id), undefined);
    state.instances[id] = { ...instance, creator: process.pid };
    return hostSpec(state, instance);
  });
  call.log("debug", `booting the lab host ${spec.name}`);
  try {
    const { publicIp } = await hosts.addHost(spec);
    return await changeCloud(cloud, async (state) => {
      const claimed = state.instances[id];
      if (claimed === undefined) throw goneError(id);
      const { creator: _creator, ...made } = { ...claimed, publicIp };
      state.instances[id] = made;
      if (made.powerState === "SHUTOFF") await hosts.kill(made.hostName);
      return { id, outputs: { ...inputs, ...outputsOf(made) } };
    });
  } catch (error) {
    await hosts.removeHost(spec.name);
    await changeCloud(cloud, (state) => {
      delete state.instances[id];
    });
    throw error;
  }
}

async function update(cloud: Cloud, id: string, inputs: PropertyMap): Promise<PropertyMap> {
  const hosts = await cloud.hosts();
  return changeCloud(cloud, async (state) => {
    const old = state.instances[id];
    if (old === undefined) throw goneError(id);
    if (!sameValue(inputsOf(old)["networks"], inputs["networks"])) {
      throw new Error("The lab cannot change the interfaces of a host in place; replace the instance");
    }
    const instance = plan(inputs, state, changedIdentity(old), old);
    const added = instance.volumeIds.filter((volumeId) => !old.volumeIds.includes(volumeId));
    const removed = old.volumeIds.filter((volumeId) => !instance.volumeIds.includes(volumeId));
    for (const volumeId of removed) await hosts.detachVolume(old.hostName, volumeId);
    for (const volume of volumesOf(state, added)) await hosts.attachVolume(old.hostName, volume);
    const isRunning = (await hosts.host(old.hostName))?.power !== "off";
    if (instance.powerState === "SHUTOFF" && isRunning) await hosts.kill(old.hostName);
    if (instance.powerState === "ACTIVE" && !isRunning) await hosts.start(old.hostName);
    state.instances[id] = instance;
    return { ...inputs, ...outputsOf(instance) };
  });
}

async function remove(cloud: Cloud, id: string): Promise<void> {
  const instance = (await cloud.state()).instances[id];
  if (instance === undefined) return;
  await (await cloud.hosts()).removeHost(instance.hostName);
  await changeCloud(cloud, (state) => {
    delete state.instances[id];
  });
}

/** ovh:index/cloudInstance:CloudInstance: an instance is a host of the lab. */
export function instanceType(cloud: Cloud): ResourceType {
  return {
    stableOutputs: ["createdAt"],
    fill: fillName,
    problems,
    change: nameChange,
    create: (inputs, call) => create(cloud, inputs, call),
    read: async (id, recorded) => {
      const instance = (await cloud.state()).instances[id];
      if (instance === undefined) return undefined;
      const host = await (await cloud.hosts()).host(instance.hostName);
      if (host === undefined) return undefined;
      const seen: Instance = { ...instance, powerState: host.power === "off" ? "SHUTOFF" : "ACTIVE" };
      return describeRecord(inputsOf(seen), outputsOf(seen), recorded);
    },
    update: (id, _old, inputs) => update(cloud, id, inputs),
    delete: (id) => remove(cloud, id),
  };
}
