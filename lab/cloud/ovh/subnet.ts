import { vrackNetwork } from "../../hosts/addressing.ts";
import { present } from "../../util/present.ts";
import { flag, maps, optionalText, text, texts } from "../protocol/inputs.ts";
import type { Violation } from "../protocol/package.ts";
import { isMap, type PropertyMap, type PropertyValue } from "../protocol/values.ts";
import { bounds, contains, parseNetwork, toAddress, toNumber } from "./addresses.ts";
import { asProperties, serviceNameOf, timesAndChecksum } from "./common.ts";
import type { RecordedKind } from "./recorded-type.ts";
import type { CloudState, Subnet } from "./state.ts";

function subnetViolations(inputs: PropertyMap): Violation[] {
  const { cidr, gatewayIp } = inputs;
  if (typeof cidr !== "string") return [];
  const network = parseNetwork(cidr);
  if (network === undefined) return [{ property: "cidr", reason: `"${cidr}" is not a network such as 192.168.0.0/16` }];
  const violations: Violation[] = [];
  if (cidr !== vrackNetwork) {
    const reason =
      `must be ${vrackNetwork} in the lab, in every region: hosts get the subnet's mask, and with a smaller one they ` +
      "have no route to the other regions' addresses";
    violations.push({ property: "cidr", reason });
  }
  if (typeof gatewayIp === "string" && !contains(network, gatewayIp)) {
    violations.push({ property: "gatewayIp", reason: `${gatewayIp} is not in ${cidr}` });
  }
  const pools = Array.isArray(inputs["allocationPools"]) ? inputs["allocationPools"] : [];
  const outside = (address: PropertyValue | undefined) => typeof address === "string" && !contains(network, address);
  pools.forEach((pool: PropertyValue, index) => {
    if (!isMap(pool)) return;
    const { start, end } = pool;
    const property = `allocationPools[${index}]`;
    if (outside(start) || outside(end)) violations.push({ property, reason: `is not in ${cidr}` });
    else if (typeof start === "string" && typeof end === "string" && toNumber(start) > toNumber(end)) {
      violations.push({ property, reason: `starts after its end` });
    }
  });
  return violations;
}

/** Pools on one VLAN must not overlap: two DHCP services would assign the same address to two hosts. */
function refuseOverlap(pools: Subnet["allocationPools"], others: readonly Subnet[]): void {
  for (const pool of pools) {
    for (const other of others) {
      const overlaps = other.allocationPools.some(
        ({ start, end }) => toNumber(pool.start) <= toNumber(end) && toNumber(start) <= toNumber(pool.end),
      );
      if (!overlaps) continue;
      throw new Error(
        `The pool ${pool.start} to ${pool.end} overlaps one of the subnet ${other.name} in ${other.region}, which is on ` +
          "the same VLAN: give each region allocationPools of its own",
      );
    }
  }
}

/** OpenStack refuses a gateway's address that its DHCP service may give to a host. */
function refuseGatewayIp(gatewayIp: string, pools: Subnet["allocationPools"]): void {
  const pool = pools.find(
    ({ start, end }) => toNumber(start) <= toNumber(gatewayIp) && toNumber(gatewayIp) <= toNumber(end),
  );
  if (pool === undefined) return;
  throw new Error(`409 Conflict: the gateway ip ${gatewayIp} conflicts with the pool ${pool.start} to ${pool.end}`);
}

export const subnetKind: RecordedKind<Subnet> = {
  updatable: true,
  importParts: ["service_name", "network_id", "id"],
  table: (state) => state.subnets,
  violations: subnetViolations,
  make: (inputs, state, identity, old) => {
    const serviceName = serviceNameOf(inputs);
    const region = text(inputs, "region");
    const networkId = text(inputs, "networkId");
    const network = state.networks[networkId];
    if (network === undefined || network.serviceName !== serviceName)
      throw new Error(`There is no network ${networkId}`);
    if (network.region !== region) {
      throw new Error(`The subnet is declared in ${region}, but its network ${network.name} is in ${network.region}`);
    }
    const cidr = text(inputs, "cidr");
    const [first, last] = bounds(parseNetwork(cidr) ?? { base: "0.0.0.0", prefix: 0 });
    const gatewayIp = optionalText(inputs, "gatewayIp") ?? toAddress(first + 1);
    const pools = maps(inputs, "allocationPools").map((pool) => ({
      start: optionalText(pool, "start") ?? toAddress(first + 2),
      end: optionalText(pool, "end") ?? toAddress(last - 1),
    }));
    const allocationPools = pools.length > 0 ? pools : [{ start: toAddress(first + 2), end: toAddress(last - 1) }];
    const others = Object.values(state.subnets).filter(({ id }) => id !== identity.id);
    if (others.some((other) => other.networkId === networkId)) {
      throw new Error(`The network ${network.name} has a subnet in ${cidr} already`);
    }
    refuseOverlap(allocationPools, others);
    refuseGatewayIp(gatewayIp, allocationPools);
    const router = Object.values(state.gateways).find(({ interfaces }) =>
      interfaces.some(({ subnetId }) => subnetId === identity.id),
    );
    if (router !== undefined && old?.gatewayIp !== gatewayIp) {
      throw new Error(`409 Conflict: the gateway ip ${old?.gatewayIp} is in use by the gateway ${router.name}`);
    }
    const dnsNameservers = inputs["dnsNameservers"] === undefined ? undefined : texts(inputs, "dnsNameservers");
    return {
      ...identity,
      serviceName,
      region,
      networkId,
      name: text(inputs, "name"),
      cidr,
      gatewayIp,
      dhcpEnabled: flag(inputs, "dhcpEnabled", true),
      allocationPools,
      ...present({ description: optionalText(inputs, "description"), dnsNameservers }),
    };
  },
  inputs: ({ id: _id, createdAt: _createdAt, updatedAt: _updatedAt, ...inputs }) => asProperties(inputs),
  outputs: (subnet) => {
    const { name, cidr, gatewayIp, dhcpEnabled, allocationPools, region } = subnet;
    const currentState = {
      name,
      cidr,
      gatewayIp,
      dhcpEnabled,
      allocationPools,
      description: subnet.description ?? "",
      dnsNameservers: subnet.dnsNameservers ?? [],
      hostRoutes: [],
      location: { region, availabilityZone: "nova" },
    };
    const common = timesAndChecksum(subnet, subnetKind.inputs(subnet));
    const outputs = { resourceStatus: "READY", ...common, gatewayIp, dhcpEnabled, allocationPools, currentTasks: [] };
    return asProperties({ ...outputs, currentState });
  },
  refuseDeletion: ({ id, name }, state: CloudState) => {
    const user = Object.values(state.instances).find(({ networks }) =>
      networks.some(({ subnetId }) => subnetId === id),
    );
    if (user !== undefined) throw new Error(`The subnet ${name} is in use by the instance ${user.name}`);
    const router = Object.values(state.gateways).find(({ interfaces }) =>
      interfaces.some(({ subnetId }) => subnetId === id),
    );
    if (router !== undefined) throw new Error(`The subnet ${name} is in use by the gateway ${router.name}`);
  },
};
