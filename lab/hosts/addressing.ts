import type { LabRegion } from "./types.ts";
import { labRegions } from "./types.ts";

/** The numbers of the lab's networks. Nothing here is configurable: each lab has its networks for itself. */
const numbers: Readonly<Record<LabRegion, number>> = { gra: 1, bhs: 2, witness: 3 };

/** The network of those who administer the hosts: what an operator's own network is to OVHcloud's. */
export const controllerSubnet = "10.80.0.0/24";
export const controllerAddress = "10.80.0.1";

/** The vRack network that stretches over all regions. Hosts have its /16 mask on eth1. */
export const vrackNetwork = "192.168.0.0/16";

/**
 * The package proxy has this address in every region (anycast): one URL serves all hosts, and a cut WAN does not keep
 * any of them from installing packages.
 */
export const packagesAddress = "10.80.0.2";
export const packagesPort = 3142;

/** The machine's own Debian mirror, as hosts see it; followed by /debian or /debian-security. */
export const packagesUrl = `http://${packagesAddress}:${packagesPort}`;

/** What `Lab.serveRepository` serves, as hosts see it. */
export const labAptRepositoryUrl = `${packagesUrl}/lab-apt/`;

export interface RegionAddresses {
  readonly publicSubnet: string;
  readonly publicGateway: string;
  readonly vrackSubnet: string;
  /** The region's router on the vRack: it answers ARP for the other regions and carries their packets over the WAN. */
  readonly vrackRouter: string;
}

export function regionAddresses(region: LabRegion): RegionAddresses {
  const number = numbers[region];
  return {
    publicSubnet: `10.8${number}.0.0/24`,
    publicGateway: `10.8${number}.0.1`,
    vrackSubnet: `192.168.${number}.0/24`,
    vrackRouter: `192.168.${number}.254`,
  };
}

/** Public addresses by host name. A name keeps its address after the host is gone, for the next host of that name. */
export type AddressBook = Readonly<Record<string, string>>;

/** The public address of a host: the one its name had before, else the region's lowest free one from .11 on. */
export function choosePublicIp(region: LabRegion, name: string, book: AddressBook): string {
  const prefix = `10.8${numbers[region]}.0.`;
  const before = book[name];
  if (before?.startsWith(prefix)) return before;
  const taken = new Set(Object.values(book));
  for (let last = 11; last < 255; last += 1) {
    if (!taken.has(`${prefix}${last}`)) return `${prefix}${last}`;
  }
  throw new Error(`No public address is left in region ${region} (${prefix}11 to ${prefix}254).`);
}

/** Says what is wrong with a private address, undefined when nothing is. */
export function privateIpFault(region: LabRegion, privateIp: string, others: Iterable<string>): string | undefined {
  const { vrackSubnet, vrackRouter } = regionAddresses(region);
  const prefix = vrackSubnet.replace(/0\/24$/, "");
  const last = privateIp.startsWith(prefix) ? privateIp.slice(prefix.length) : "";
  if (!/^[1-9]\d{0,2}$/.test(last) || Number(last) > 253) {
    return `${privateIp} is no address that a host of region ${region} can have (${prefix}1 to ${prefix}253)`;
  }
  if (privateIp === vrackRouter) return `${privateIp} is the address of the region's router`;
  for (const other of others) if (other === privateIp) return `${privateIp} belongs to another host already`;
  return undefined;
}

/** A hardware address that follows from the IP address, so that neighbours' ARP caches stay true over a rebuild. */
export function macAddress(ip: string): string {
  const bytes = ip.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `02:00:${bytes.join(":")}`;
}

/** Unordered pairs of regions: one WAN line each. */
export function regionPairs(): readonly (readonly [LabRegion, LabRegion])[] {
  return labRegions.flatMap((a, index) => labRegions.slice(index + 1).map((b) => [a, b] as const));
}
