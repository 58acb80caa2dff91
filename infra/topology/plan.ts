import { witnessName } from "../../watchdog/config/address.ts";
import { maxHostsPerRole, type StackConfig } from "../config/schema.ts";
import { siteAddresses } from "./addresses.ts";
import { type IngressConfig, planIngress } from "./ingress.ts";
import type { Host, RegionPlan, Role, Topology } from "./model.ts";

type PlannedConfig = Pick<StackConfig, "regions" | "witness"> & IngressConfig;
type Site = Pick<RegionPlan, "name" | "ovhRegion" | "cidr" | "zones" | "availabilityZones"> &
  Pick<StackConfig["regions"][string], "publicAddresses" | "gatewayModel"> & { readonly virtualAddress?: string };

/** Plans every site. A host's name, zone and address depend on its own position alone, never on how many there are. */
export function planTopology(config: PlannedConfig): Topology {
  const regions = Object.entries(config.regions).map(([name, region]) =>
    planSite({ name, ...region }, { elasticsearch: region.elasticsearchNodes, haproxy: region.haproxyNodes }),
  );
  const witness =
    config.witness === null
      ? null
      : planSite({ name: witnessName, ...config.witness, zones: ["z1"], availabilityZones: false }, { witness: 1 });
  const hosts = [...regions, ...(witness === null ? [] : [witness])].flatMap((site) => site.hosts);
  const watchdogs = hosts.filter(({ role }) => role !== "elasticsearch");
  const etcdMembers = witness === null ? [] : watchdogs.filter(({ index }) => index === 1);
  const ingress = planIngress(config, { regions, hosts, etcdMembers });
  return { regions, witness, hosts, watchdogs, etcdMembers, ingress };
}

function planSite(site: Site, counts: Partial<Readonly<Record<Role, number>>>): RegionPlan {
  const { name, ovhRegion, cidr, zones, availabilityZones, publicAddresses, virtualAddress = null } = site;
  const addresses = siteAddresses(cidr);
  const host = (role: Role, index: number): Host => ({
    name: hostName(name, role, index),
    role,
    region: name,
    index,
    zone: zoneOf(zones, index),
    privateIp: addresses.of(role, index),
    hasPublicAddress: publicAddresses === "all" || (publicAddresses === "entries" && role === "haproxy"),
  });
  const hosts = rolesOf(counts).flatMap(([role, count]) => positions(count).map((index) => host(role, index)));
  return {
    name,
    ovhRegion,
    zones,
    availabilityZones,
    cidr,
    allocationPool: addresses.allocationPool,
    gatewayIp: addresses.gatewayIp,
    gatewayModel: hosts.every(({ hasPublicAddress }) => hasPublicAddress) ? null : site.gatewayModel,
    virtualAddress,
    hosts,
  };
}

/** The witness's site has the name of its role: witness-1. */
const shortNames: Readonly<Record<Role, string>> = { elasticsearch: "es", haproxy: "haproxy", witness: "" };

function hostName(site: string, role: Role, index: number): string {
  return [site, shortNames[role], index].filter((part) => part !== "").join("-");
}

function rolesOf(counts: Partial<Readonly<Record<Role, number>>>): [Role, number][] {
  return (["elasticsearch", "haproxy", "witness"] as const).map((role) => [role, counts[role] ?? 0]);
}

function positions(count: number): number[] {
  if (count > maxHostsPerRole) throw new Error(`${count} hosts of one role do not fit; ${maxHostsPerRole} do`);
  return Array.from({ length: count }, (_, index) => index + 1);
}

function zoneOf(zones: readonly string[], index: number): string {
  const zone = zones[(index - 1) % zones.length];
  if (zone === undefined) throw new Error("A region needs at least one zone");
  return zone;
}
