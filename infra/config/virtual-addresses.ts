import type { ConfigViolation } from "../../watchdog/config/violations.ts";
import { formatIpv4, type Ipv4Network, parseCidr, parseIpv4 } from "../ipv4.ts";
import { plannedUseOf } from "../topology/addresses.ts";
import type { StackConfig } from "./schema.ts";

/** A virtual address belongs to its region's network and to no host, also to none that the region may get later. */
export function virtualAddressContradictions({ regions }: Pick<StackConfig, "regions">): readonly ConfigViolation[] {
  return Object.entries(regions).flatMap(([region, { virtualAddress, cidr, haproxyNodes }]) => {
    const [address, network] = [parseIpv4(virtualAddress ?? ""), parseCidr(cidr)];
    if (virtualAddress === undefined || address === undefined || network === undefined) return [];
    const key = `regions.${region}.virtualAddress`;
    const problem = problemOf(address, network, cidr);
    return [
      ...(problem === null ? [] : [{ key, message: `is "${virtualAddress}": ${problem}` }]),
      ...(haproxyNodes >= 2
        ? []
        : [
            { key, message: `needs two HAProxy hosts in ${region}, and haproxyNodes is ${haproxyNodes}: leave it out` },
          ]),
    ];
  });
}

function problemOf(address: number, network: Ipv4Network, cidr: string): string | null {
  if (address < network.first || address > network.last) return `write an address of the region's own network, ${cidr}`;
  const use = plannedUseOf(address, cidr);
  return use === null
    ? null
    : `this is for ${use}: write one of no other use, such as ${formatIpv4(network.first + 190)}`;
}
