import { outcomeOf, run } from "../util/run.ts";
import {
  controllerAddress,
  controllerSubnet,
  macAddress,
  packagesAddress,
  regionAddresses,
  vrackNetwork,
} from "./addressing.ts";
import type { LabLayout } from "./layout.ts";
import { controllerNetwork, hostNetwork, regionNetwork } from "./layout.ts";
import { createNetwork, ipBatch, removeNetwork, setNetSettings } from "./namespaces.ts";
import type { HostRecord } from "./state.ts";
import type { LabRegion } from "./types.ts";
import { labRegions } from "./types.ts";

/** Names of the bridges in a region's namespace. */
export const publicBridge = "br-public";
export const vrackBridge = "br-vrack";

/** Makes the namespaces of the regions and of the controller, without the WAN between the regions. */
export async function createNetworks(layout: LabLayout): Promise<void> {
  await createNetwork(controllerNetwork(layout));
  for (const region of labRegions) {
    await createNetwork(regionNetwork(layout, region));
    await createBridges(layout, region);
    await connectController(layout, region);
  }
}

/** A region's namespace has the region's bridges and routes for both of its networks. */
async function createBridges(layout: LabLayout, region: LabRegion): Promise<void> {
  const { publicGateway, vrackRouter } = regionAddresses(region);
  const network = regionNetwork(layout, region);
  await ipBatch(network, [
    // No forward delay: without loops, a port can pass packets at once. A bridge without a hardware address of its own takes
    // its ports' lowest one: a host that comes or goes would change it, and the neighbours would send to the old one for
    // half a minute.
    `link add ${publicBridge} address ${macAddress(publicGateway)} type bridge forward_delay 0`,
    `link add ${vrackBridge} address ${macAddress(vrackRouter)} type bridge forward_delay 0`,
    `address add ${publicGateway}/24 dev ${publicBridge}`,
    `address add ${vrackRouter}/24 dev ${vrackBridge}`,
    `address add ${packagesAddress}/32 dev lo`,
    `link set ${publicBridge} up`,
    `link set ${vrackBridge} up`,
  ]);
  await setNetSettings(network, {
    "ipv4/ip_forward": "1",
    // The vRack is one network to the hosts: the router answers ARP for the other regions, without delay.
    [`ipv4/conf/${vrackBridge}/proxy_arp`]: "1",
    [`ipv4/neigh/${vrackBridge}/proxy_delay`]: "0",
    // Replies may arrive at another interface than the route to their sender.
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/all/send_redirects": "0",
    [`ipv4/conf/${publicBridge}/send_redirects`]: "0",
    [`ipv4/conf/${vrackBridge}/send_redirects`]: "0",
    // Makes bridges pass their packets to the firewall, so that it also applies between neighbours.
    "bridge/bridge-nf-call-iptables": "1",
    "bridge/bridge-nf-call-ip6tables": "1",
    "bridge/bridge-nf-call-arptables": "0",
  });
}

/** Connects the controller to each region's public network directly, so that no cut of the WAN affects it. */
async function connectController(layout: LabLayout, region: LabRegion): Promise<void> {
  const { publicSubnet, publicGateway } = regionAddresses(region);
  const [controller, router] = [controllerNetwork(layout), regionNetwork(layout, region)];
  const ends = ["name", region, "netns", controller, "type", "veth", "peer", "name", "controller", "netns", router];
  await run("ip", ["link", "add", ...ends]);
  await ipBatch(router, ["link set controller up", `route add ${controllerSubnet} dev controller`]);
  await ipBatch(controller, [
    `link set ${region} up`,
    `address add ${controllerAddress}/32 dev ${region}`,
    `route add ${publicSubnet} via ${publicGateway} dev ${region} onlink src ${controllerAddress}`,
  ]);
}

/** Adds routes between the regions over the WAN, whose devices must exist. */
export async function connectRegions(layout: LabLayout): Promise<void> {
  for (const here of labRegions) {
    const lines = labRegions
      .filter((there) => there !== here)
      .flatMap((there) => [
        `link set wan-${there} up`,
        `route add ${regionAddresses(there).publicSubnet} dev wan-${there}`,
        `route add ${regionAddresses(there).vrackSubnet} dev wan-${there}`,
      ]);
    await ipBatch(regionNetwork(layout, here), lines);
  }
}

/** A host's port at a bridge of its region: the other end of a network cable. */
export interface HostPort {
  /** Interface inside the host. */
  readonly inside: "eth0" | "eth1";
  readonly bridge: string;
  /** Interface in the region's namespace. */
  readonly name: string;
  readonly address: string;
  readonly prefixLength: number;
}

export function hostPorts(record: HostRecord): readonly HostPort[] {
  const { publicIp } = record;
  const { privateIp, isPrivate = false } = record.spec;
  const number = publicIp.split(".")[3];
  const publicPort: HostPort = {
    ...{ inside: "eth0", bridge: publicBridge, name: `public-${number}` },
    ...{ address: publicIp, prefixLength: 24 },
  };
  if (privateIp === undefined) return [publicPort];
  const vrackPort: HostPort = {
    ...{ inside: "eth1", bridge: vrackBridge, name: `vrack-${number}` },
    ...{ address: privateIp, prefixLength: Number(vrackNetwork.split("/")[1]) },
  };
  return isPrivate ? [vrackPort] : [publicPort, vrackPort];
}

/** Makes a host's network namespace and plugs it into its region. */
export async function connectHost(layout: LabLayout, record: HostRecord): Promise<void> {
  const { name, region } = record.spec;
  const [host, router] = [hostNetwork(layout, name), regionNetwork(layout, region)];
  await createNetwork(host);
  for (const port of hostPorts(record)) {
    const outer = ["name", port.name, "netns", router, "type", "veth"];
    const inner = ["peer", "name", port.inside, "address", macAddress(port.address), "netns", host];
    await run("ip", ["link", "add", ...outer, ...inner]);
    await ipBatch(router, [`link set ${port.name} master ${port.bridge} up`]);
    // The lab's networks are IPv4 only.
    await setNetSettings(host, { [`ipv6/conf/${port.inside}/disable_ipv6`]: "1" });
    await ipBatch(host, [
      `address add ${port.address}/${port.prefixLength} dev ${port.inside}`,
      `link set ${port.inside} up`,
    ]);
  }
  await ipBatch(host, defaultRoutes(record));
}

/** As cloud-init's netplan has them: DHCP offers one on each interface, and that of the first one goes first. */
function defaultRoutes({ spec: { region, isPrivate = false, gatewayIp } }: HostRecord): readonly string[] {
  const outside = isPrivate ? [] : [`route add default via ${regionAddresses(region).publicGateway}`];
  const inside = gatewayIp === undefined ? [] : [`route add default via ${gatewayIp} dev eth1 proto dhcp metric 200`];
  return [...outside, ...inside];
}

/** Removes a host's network, even after an incomplete `connectHost`. */
export async function disconnectHost(layout: LabLayout, record: HostRecord): Promise<void> {
  const { name, region } = record.spec;
  for (const port of hostPorts(record)) {
    // Fails after an interrupted attempt, where the link is missing.
    await outcomeOf("nsenter", [`--net=${regionNetwork(layout, region)}`, "ip", "link", "delete", port.name]);
  }
  await removeNetwork(hostNetwork(layout, name));
}

export async function setHostLink(layout: LabLayout, record: HostRecord, link: "up" | "down"): Promise<void> {
  const lines = hostPorts(record).map((port) => `link set ${port.name} ${link}`);
  await ipBatch(regionNetwork(layout, record.spec.region), lines);
}
