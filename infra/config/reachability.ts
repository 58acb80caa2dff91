import { witnessName } from "../../watchdog/config/address.ts";
import type { ConfigViolation } from "../../watchdog/config/violations.ts";
import { contains, parseCidr, parseIpv4 } from "../ipv4.ts";
import { plannedUseOf } from "../topology/addresses.ts";
import type { StackConfig } from "./schema.ts";

type Reachability = Pick<StackConfig, "region" | "regions" | "witness" | "network" | "adminCidrs" | "bastion" | "dns">;

/** How Pulumi and administrators reach the hosts: directly, or by a bastion, which is the only way to one without a public address. */
export function reachabilityContradictions(config: Reachability): readonly ConfigViolation[] {
  return [...administrationContradictions(config), ...bastionContradictions(config), ...entryContradictions(config)];
}

function administrationContradictions({ adminCidrs, bastion }: Reachability): readonly ConfigViolation[] {
  if (bastion === null && adminCidrs.length === 0) {
    const message = "is []: name at least one network, as Pulumi itself provisions over SSH, or set a bastion";
    return [{ key: "adminCidrs", message }];
  }
  if (bastion !== null && adminCidrs.length > 0) {
    return [{ key: "adminCidrs", message: "must be [] with a bastion: the hosts accept SSH from its address alone" }];
  }
  return [];
}

function bastionContradictions(config: Reachability): readonly ConfigViolation[] {
  const { region, regions, witness, network, bastion } = config;
  const isWitness = region === witnessName;
  const publicAddresses = isWitness ? witness?.publicAddresses : regions[region]?.publicAddresses;
  if (bastion === null) {
    if (publicAddresses === undefined || publicAddresses === "all") return [];
    const key = isWitness ? "witness.publicAddresses" : `regions.${region}.publicAddresses`;
    const message = `is missing, and ${key} is "${publicAddresses}": nothing else reaches hosts without a public address`;
    return [{ key: "bastion", message }];
  }
  const problem = problemWith(bastion.privateIp, network.cidr, config);
  return problem === null ? [] : [{ key: "bastion.privateIp", message: `is "${bastion.privateIp}": ${problem}` }];
}

function problemWith(privateIp: string, network: string, { regions, witness }: Reachability): string | null {
  const [own, whole] = [parseCidr(`${privateIp}/32`), parseCidr(network)];
  if (own === undefined || whole === undefined || !contains(whole, own)) {
    return `write an address of the private network, ${network}`;
  }
  const holder = Object.entries(regions).find(([, { virtualAddress }]) => virtualAddress === privateIp);
  if (holder !== undefined) return `this is the virtual address of ${holder[0]}: write one of no other use`;
  const sites = [...Object.values(regions), ...(witness === null ? [] : [witness])];
  const use = sites.map(({ cidr }) => plannedUseOf(parseIpv4(privateIp) ?? 0, cidr)).find((found) => found !== null);
  return use === undefined ? null : `this is for ${use}: write one of no other use`;
}

/** A DNS name for public addresses needs entries that have one. */
function entryContradictions({ dns, regions }: Reachability): readonly ConfigViolation[] {
  if (dns?.addresses !== "public") return [];
  const without = Object.keys(dns.names).filter((region) => regions[region]?.publicAddresses === "none");
  return without.map((region) => ({
    key: "dns.addresses",
    message: `is "public", and the HAProxy hosts of ${region} have no public address (regions.${region}.publicAddresses)`,
  }));
}
