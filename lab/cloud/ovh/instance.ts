import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import type { HostSpec, HostVolume } from "../../hosts/types.ts";
import { present } from "../../util/present.ts";
import type { Call, ResourceType } from "../protocol/package.ts";
import { type PropertyMap, sameValue } from "../protocol/values.ts";
import type { Cloud, CloudHosts } from "./cloud.ts";
import { changedIdentity, describeRecord, fillName, goneError, newIdentity } from "./common.ts";
import { ingressOf } from "./firewall.ts";
import { inputsOf, outputsOf } from "./instance-outputs.ts";
import { planInstance } from "./instance-plan.ts";
import { instanceViolations } from "./instance-violations.ts";
import { changeCloud } from "./recorded-type.ts";
import { labRegionOf } from "./regions.ts";
import type { CloudState, Instance } from "./state.ts";

function volumesOf(state: CloudState, ids: readonly string[]): HostVolume[] {
  return ids.map((id) => ({ id, sizeGiB: state.volumes[id]?.sizeGiB ?? 0 }));
}

function hostSpec(state: CloudState, instance: Instance): HostSpec {
  const region = labRegionOf(instance.region);
  if (region === undefined) throw new Error(`${instance.region} is not a region of the lab's cloud`);
  return {
    name: instance.hostName,
    region,
    authorizedKeys: instance.publicKey === undefined ? [] : [instance.publicKey],
    ingress: ingressOf(state, instance),
    volumes: volumesOf(state, instance.volumeIds),
    ...present({
      privateIp: instance.privateIp,
      isPrivate: instance.networks.some(({ autoAssignPublicIp }) => autoAssignPublicIp) ? undefined : true,
      gatewayIp: offeredGateway(state, instance),
    }),
  };
}

/** The gateway that the DHCP service of the instance's subnet offers, whether it answers or not. */
function offeredGateway({ subnets }: CloudState, { networks }: Instance): string | undefined {
  const subnet = networks.map(({ subnetId }) => subnets[subnetId ?? ""]).find((found) => found !== undefined);
  return subnet?.dhcpEnabled === true ? subnet.gatewayIp : undefined;
}

/** Deletes instances whose creating process ended too early, and those whose host was removed from the lab. */
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
  // Claims name and address first, so that several hosts can be made at once, outside the transaction.
  const spec = await changeCloud(cloud, async (state) => {
    await sweep(state, hosts);
    const instance = planInstance(inputs, state, newIdentity(id), undefined);
    state.instances[id] = { ...instance, creator: process.pid };
    return hostSpec(state, instance);
  });
  call.log("debug", `booting the lab host ${spec.name}`);
  try {
    const { publicIp } = await hosts.addHost(spec);
    return await changeCloud(cloud, async (state) => {
      const claimed = state.instances[id];
      if (claimed === undefined) throw goneError(id);
      const { creator: _creator, ...made } = { ...claimed, ...present({ publicIp }) };
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
    const instance = planInstance(inputs, state, changedIdentity(old), old);
    const added = instance.volumeIds.filter((volumeId) => !old.volumeIds.includes(volumeId));
    const removed = old.volumeIds.filter((volumeId) => !instance.volumeIds.includes(volumeId));
    for (const volumeId of removed) await hosts.detachVolume(old.hostName, volumeId);
    for (const volume of volumesOf(state, added)) await hosts.attachVolume(old.hostName, volume);
    const isRunning = (await hosts.host(old.hostName))?.power !== "off";
    // A resize is a cold migration: the machine is switched off and boots again.
    const isResized = instance.flavorId !== old.flavorId;
    if ((instance.powerState === "SHUTOFF" || isResized) && isRunning) await hosts.kill(old.hostName);
    if (instance.powerState === "ACTIVE" && (!isRunning || isResized)) await hosts.start(old.hostName);
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
    violations: instanceViolations,
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
