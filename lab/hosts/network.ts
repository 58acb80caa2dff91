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

/** Makes the namespaces of the regions and of the controller, all but the WAN between the regions. */
export async function createNetworks(layout: LabLayout): Promise<void> {
  await createNetwork(controllerNetwork(layout));
  for (const region of labRegions) {
    await createNetwork(regionNetwork(layout, region));
    await createBridges(layout, region);
    await connectController(layout, region);
  }
}

/** A region's namespace holds its bridges and is the router of both of its networks. */
async function createBridges(layout: LabLayout, region: LabRegion): Promise<void> {
  const { publicGateway, vrackRouter } = regionAddresses(region);
  const network = regionNetwork(layout, region);
  await ipBatch(network, [
    // Without a forward delay: a port passes packets at once, as there is no loop to look for.
    `link add ${publicBridge} type bridge forward_delay 0`,
    `link add ${vrackBridge} type bridge forward_delay 0`,
    `address add ${publicGateway}/24 dev ${publicBridge}`,
    `address add ${vrackRouter}/24 dev ${vrackBridge}`,
    `address add ${packagesAddress}/32 dev lo`,
    `link set ${publicBridge} up`,
    `link set ${vrackBridge} up`,
  ]);
  await setNetSettings(network, {
    "ipv4/ip_forward": "1",
    // The hosts see one vRack network: the router answers ARP for what lies in other regions, and at once.
    [`ipv4/conf/${vrackBridge}/proxy_arp`]: "1",
    [`ipv4/neigh/${vrackBridge}/proxy_delay`]: "0",
    // Replies may come back by another interface than the route to the sender says.
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/all/send_redirects": "0",
    [`ipv4/conf/${publicBridge}/send_redirects`]: "0",
    [`ipv4/conf/${vrackBridge}/send_redirects`]: "0",
    // Neighbours on one bridge pass the firewall as well, for which a bridge must hand its packets to it.
    "bridge/bridge-nf-call-iptables": "1",
    "bridge/bridge-nf-call-ip6tables": "1",
    "bridge/bridge-nf-call-arptables": "0",
  });
}

/** A cable of its own from the controller to each region's public network, so that no cut of the WAN reaches it. */
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

/** Routes between the regions over the WAN, whose devices must be there. */
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

/** A host's ports at its region's bridges: what its network cables are plugged into. */
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
  const { privateIp } = record.spec;
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
  return [publicPort, vrackPort];
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
    // The lab's networks speak IPv4 alone.
    await setNetSettings(host, { [`ipv6/conf/${port.inside}/disable_ipv6`]: "1" });
    await ipBatch(host, [
      `address add ${port.address}/${port.prefixLength} dev ${port.inside}`,
      `link set ${port.inside} up`,
    ]);
  }
  await ipBatch(host, [`route add default via ${regionAddresses(region).publicGateway}`]);
}

/** Unplugs a host for good. Also after half of `connectHost`. */
export async function disconnectHost(layout: LabLayout, record: HostRecord): Promise<void> {
  const { name, region } = record.spec;
  for (const port of hostPorts(record)) {
    // Not there after an interrupted attempt, which is as good.
    await outcomeOf("nsenter", [`--net=${regionNetwork(layout, region)}`, "ip", "link", "delete", port.name]);
  }
  await removeNetwork(hostNetwork(layout, name));
}

export async function setHostLink(layout: LabLayout, record: HostRecord, link: "up" | "down"): Promise<void> {
  const lines = hostPorts(record).map((port) => `link set ${port.name} ${link}`);
  await ipBatch(regionNetwork(layout, record.spec.region), lines);
}
