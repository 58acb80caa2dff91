import { maxHostsPerRole } from "../config/schema.ts";
import { formatIpv4, parseCidr } from "../ipv4.ts";
import type { RegionPlan, Role } from "./model.ts";

/** Where each address of a site's network is: an address depends on its host's own position alone. */

/** Of the gateway, which DHCP offers as the way to the internet. */
const GATEWAY_OFFSET = 1;

const firstOffsets: Readonly<Record<Role, number>> = { elasticsearch: 11, haproxy: 101, witness: 11 };

/** Offsets of the DHCP service's addresses in each site's network, above every pinned address. */
const poolOffsets = { first: 201, last: 250 } as const;

/** What the addresses of a region's network are for, by their offsets. A virtual address and a bastion have none of them. */
const plannedOffsets = [
  { what: "the network itself", first: 0, last: 0 },
  { what: "the gateway", first: GATEWAY_OFFSET, last: GATEWAY_OFFSET },
  ...(["elasticsearch", "haproxy"] as const).map((role) => ({
    what: role === "haproxy" ? "HAProxy hosts" : "Elasticsearch nodes",
    first: firstOffsets[role],
    last: firstOffsets[role] + maxHostsPerRole - 1,
  })),
  { what: "the DHCP service", ...poolOffsets },
  { what: "broadcasts", first: 255, last: 255 },
];

/** What an address of a site's network is planned for, and for which others; null for one of no use, or of another network. */
export function plannedUseOf(address: number, cidr: string): string | null {
  const network = parseCidr(cidr);
  if (network === undefined || address < network.first || address > network.last) return null;
  const offset = address - network.first;
  const planned = plannedOffsets.find(({ first, last }) => first <= offset && offset <= last);
  if (planned === undefined) return null;
  const [first, last] = [planned.first, planned.last].map((edge) => formatIpv4(network.first + edge));
  return `${planned.what}${first === last ? "" : `, ${first} to ${last}`}`;
}

/** The addresses of a site's network. @throws Error when the text is no network */
export function siteAddresses(cidr: string): {
  readonly gatewayIp: string;
  readonly allocationPool: RegionPlan["allocationPool"];
  /** The address of the host of a role at a position, from 1. */
  readonly of: (role: Role, index: number) => string;
} {
  const network = parseCidr(cidr);
  if (network === undefined) throw new Error(`${cidr} is not a network`);
  const at = (offset: number) => formatIpv4(network.first + offset);
  return {
    gatewayIp: at(GATEWAY_OFFSET),
    allocationPool: { start: at(poolOffsets.first), end: at(poolOffsets.last) },
    of: (role, index) => at(firstOffsets[role] + index - 1),
  };
}
