import { createHash } from "node:crypto";
import { privateIpViolation } from "../../hosts/addressing.ts";
import { bounds, contains, parseNetwork, toAddress, toNumber } from "./addresses.ts";
import { labRegionOf } from "./regions.ts";
import type { CloudState, Instance, InstanceNetwork, Subnet } from "./state.ts";

/** Placement of an instance: its private address and its simulated hypervisor. Pure functions of the cloud's state. */

/** The subnet of an instance's network entry. @throws Error when the entry's ids do not belong together */
export function subnetOf(
  state: CloudState,
  { networkId, subnetId }: InstanceNetwork,
  place: { readonly region: string; readonly serviceName: string },
): Subnet {
  const network = state.networks[networkId ?? ""];
  if (network === undefined || network.serviceName !== place.serviceName) {
    throw new Error(`There is no network ${networkId} in the project ${place.serviceName}`);
  }
  if (network.region !== place.region) {
    throw new Error(`The network ${network.name} is in ${network.region}, the instance in ${place.region}`);
  }
  const subnet = state.subnets[subnetId ?? ""];
  if (subnet === undefined || subnet.networkId !== network.id) {
    throw new Error(`The network ${network.name} has no subnet ${subnetId}`);
  }
  return subnet;
}

/** Used addresses of the VLAN, which spans all regions, with what has them. */
function takenAddresses(state: CloudState, instanceId: string): ReadonlyMap<string, string> {
  const instances = Object.values(state.instances)
    .filter(({ id }) => id !== instanceId)
    .flatMap(({ name, privateIp }) => (privateIp === undefined ? [] : [[privateIp, `instance ${name}`] as const]));
  const gateways = Object.values(state.gateways).flatMap(({ name, interfaces }) =>
    interfaces.map(({ address }) => [address, `gateway ${name}`] as const),
  );
  return new Map([...instances, ...gateways]);
}

/** The address of an instance in a subnet: the pinned one, else the first free one of the pools. */
export function privateAddress(
  state: CloudState,
  subnet: Subnet,
  pinned: string | undefined,
  instance: { readonly id: string; readonly region: string },
): string {
  const taken = takenAddresses(state, instance.id);
  const labRegion = labRegionOf(instance.region);
  const network = parseNetwork(subnet.cidr);
  if (labRegion === undefined || network === undefined) throw new Error(`The subnet ${subnet.name} cannot hold hosts`);
  if (pinned === undefined) {
    for (const { start, end } of subnet.allocationPools) {
      for (let address = toNumber(start); address <= toNumber(end); address += 1) {
        const candidate = toAddress(address);
        if (!taken.has(candidate) && privateIpViolation(labRegion, candidate, []) === undefined) return candidate;
      }
    }
    throw new Error(`No address is free in the pools of the subnet ${subnet.name} that hosts of ${labRegion} can have`);
  }
  const [first, last] = bounds(network);
  if (!contains(network, pinned)) throw new Error(`${pinned} is not in the subnet ${subnet.name} (${subnet.cidr})`);
  if ([first, last].includes(toNumber(pinned)) || pinned === subnet.gatewayIp) {
    throw new Error(`${pinned} is the network's own, broadcast or gateway address in the subnet ${subnet.name}`);
  }
  const holder = taken.get(pinned);
  if (holder !== undefined) throw new Error(`${pinned} is taken by the ${holder}`);
  const violation = privateIpViolation(labRegion, pinned, []);
  if (violation !== undefined) throw new Error(`The lab routes by region: ${violation}`);
  return pinned;
}

/** Number of simulated hypervisors. */
const hypervisorsPerRegion = 16;
/** OVHcloud's bound for anti-affinity groups, which its Managed Kubernetes service documents. */
const antiAffinityMax = 5;

/** The simulated hypervisor of a new instance, as in `currentState.hostId`: an opaque text, one per hypervisor. */
export function hypervisor(
  state: CloudState,
  instance: { readonly id: string; readonly region: string; readonly groupId?: string },
): string {
  const all = Array.from({ length: hypervisorsPerRegion }, (_, number) => hypervisorId(instance.region, number));
  const group = state.instanceGroups[instance.groupId ?? ""];
  if (group === undefined) return all[Number.parseInt(instance.id.slice(0, 4), 16) % all.length] ?? "";
  const members = Object.values(state.instances).filter(
    ({ id, groupId }) => groupId === group.id && id !== instance.id,
  );
  if (group.policy === "AFFINITY") return members[0]?.hostId ?? all[0] ?? "";
  if (members.length >= antiAffinityMax) {
    throw new Error(`The instance group ${group.name} has ${members.length} members, and may have ${antiAffinityMax}`);
  }
  const used = new Set(members.map(({ hostId }) => hostId));
  return all.find((candidate) => !used.has(candidate)) ?? "";
}

function hypervisorId(region: string, number: number): string {
  return createHash("sha224").update(`${region}/${number}`).digest("hex");
}

/** @throws Error unless every volume exists in the instance's region and no other instance has it */
export function refuseVolumes(state: CloudState, instance: Pick<Instance, "id" | "region" | "volumeIds">): void {
  if (new Set(instance.volumeIds).size < instance.volumeIds.length) throw new Error("volumeIds names a volume twice");
  for (const volumeId of instance.volumeIds) {
    const volume = state.volumes[volumeId];
    if (volume === undefined) throw new Error(`There is no volume ${volumeId}`);
    if (volume.region !== instance.region) {
      throw new Error(`The volume ${volume.name} is in ${volume.region}, the instance in ${instance.region}`);
    }
    const user = Object.values(state.instances).find(
      ({ id, volumeIds }) => id !== instance.id && volumeIds.includes(volumeId),
    );
    if (user !== undefined) throw new Error(`The volume ${volume.name} is attached to the instance ${user.name}`);
  }
}
