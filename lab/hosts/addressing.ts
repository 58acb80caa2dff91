import type { LabRegion } from "./types.ts";
import { labRegions } from "./types.ts";

/** Third or second octets of the regions' networks. Not configurable: labs have separate network namespaces. */
const numbers: Readonly<Record<LabRegion, number>> = { gra: 1, bhs: 2, witness: 3 };

/** The administrators' network: an operator's own network, as seen from OVHcloud. */
export const controllerSubnet = "10.80.0.0/24";
export const controllerAddress = "10.80.0.1";

/** The vRack network of all regions. Hosts have its /16 mask on eth1. */
export const vrackNetwork = "192.168.0.0/16";

/** The package proxy has this address in every region (anycast), so hosts can install packages while the WAN is cut. */
export const packagesAddress = "10.80.0.2";
export const packagesPort = 3142;

/** The machine's own Debian mirror under the hosts' URL; append /debian or /debian-security. */
export const packagesUrl = `http://${packagesAddress}:${packagesPort}`;

/** What `Lab.serveRepository` serves, under the hosts' URL. */
export const labAptRepositoryUrl = `${packagesUrl}/lab-apt/`;

export interface RegionAddresses {
  readonly publicSubnet: string;
  readonly publicGateway: string;
  /** The public address of what leaves the vRack by the region's gateway. */
  readonly gatewayPublicIp: string;
  readonly vrackSubnet: string;
  /** The region's router on the vRack: answers ARP for the other regions and routes to them over the WAN. */
  readonly vrackRouter: string;
}

export function regionAddresses(region: LabRegion): RegionAddresses {
  const number = numbers[region];
  return {
    publicSubnet: `10.8${number}.0.0/24`,
    publicGateway: `10.8${number}.0.1`,
    gatewayPublicIp: `10.8${number}.0.2`,
    vrackSubnet: `192.168.${number}.0/24`,
    vrackRouter: `192.168.${number}.254`,
  };
}

/** Public addresses by host name. A name keeps its address for the next host of that name. */
export type AddressBook = Readonly<Record<string, string>>;

/** The public address of a host: its name's previous one, else the region's lowest free one from .11 on. */
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

/** Why a host of the region cannot have a private address; undefined when it can. */
export function privateIpViolation(region: LabRegion, privateIp: string, others: Iterable<string>): string | undefined {
  const { vrackSubnet, vrackRouter } = regionAddresses(region);
  const prefix = vrackSubnet.replace(/0\/24$/, "");
  const last = privateIp.startsWith(prefix) ? privateIp.slice(prefix.length) : "";
  if (!/^[1-9]\d{0,2}$/.test(last) || Number(last) > 253) {
    return `${privateIp} is not an address for hosts of region ${region} (${prefix}1 to ${prefix}253)`;
  }
  if (privateIp === vrackRouter) return `${privateIp} is the address of the region's router`;
  for (const other of others) if (other === privateIp) return `${privateIp} belongs to another host already`;
  return undefined;
}

/** A hardware address derived from the IP address, so that neighbours' ARP caches stay valid over a rebuild. */
export function macAddress(ip: string): string {
  const bytes = ip.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `02:00:${bytes.join(":")}`;
}

/** Unordered pairs of regions, one per WAN line. */
export function regionPairs(): readonly (readonly [LabRegion, LabRegion])[] {
  return labRegions.flatMap((a, index) => labRegions.slice(index + 1).map((b) => [a, b] as const));
}
