import type { IngressRule } from "../../hosts/types.ts";
import type { Problem } from "../protocol/package.ts";
import { isMap, type PropertyMap, type PropertyValue, Unknown } from "../protocol/values.ts";
import { parseNetwork } from "./addresses.ts";
import type { Cloud, CloudState, Instance, SecurityRule } from "./cloud.ts";

const directions = ["INGRESS", "EGRESS"];
const ethernetTypes = ["IPV4", "IPV6"];
/** What the lab's firewall can tell apart. A rule without a protocol is about all of them. */
const protocols = ["TCP", "UDP", "ICMP"] as const;
const anyAddress = "0.0.0.0/0";

/**
 * The project's `default` group, which an instance without `securityGroupIds` gets. On OVHcloud it accepts everything,
 * so a program that forgets to name its groups stands as open in the lab as it would there.
 */
const defaultGroup: readonly SecurityRule[] = [{ direction: "INGRESS", ethernetType: "IPV4" }];

export function ruleProblems(rules: PropertyValue | undefined): Problem[] {
  if (!Array.isArray(rules)) return [];
  return rules.flatMap((rule: PropertyValue, index) => {
    const property = `rules[${index}]`;
    return isMap(rule) ? faultsOf(rule).map(([name, reason]) => ({ property: `${property}.${name}`, reason })) : [];
  });
}

function faultsOf(rule: PropertyMap): [name: string, reason: string][] {
  const faults: [string, string][] = [];
  const oneOf = (name: string, known: readonly string[]): void => {
    const value = rule[name];
    if (typeof value === "string" && !known.includes(value)) faults.push([name, `must be one of ${known.join(", ")}`]);
  };
  oneOf("direction", directions);
  oneOf("ethernetType", ethernetTypes);
  oneOf("protocol", protocols);
  faults.push(...portFaults(rule));
  const { remoteIpPrefix, remoteGroupId, ethernetType } = rule;
  if (remoteIpPrefix !== undefined && remoteGroupId !== undefined) {
    faults.push(["remoteGroupId", "cannot stand beside remoteIpPrefix: a rule has one kind of remote"]);
  }
  if (typeof remoteIpPrefix === "string" && ethernetType === "IPV4" && parseNetwork(remoteIpPrefix) === undefined) {
    faults.push(["remoteIpPrefix", `"${remoteIpPrefix}" is no IPv4 network such as 192.168.1.0/24`]);
  }
  return faults;
}

function portFaults({ portRangeMin, portRangeMax, protocol }: PropertyMap): [name: string, reason: string][] {
  if (portRangeMin === undefined && portRangeMax === undefined) return [];
  if (portRangeMin instanceof Unknown || portRangeMax instanceof Unknown || protocol instanceof Unknown) return [];
  if (protocol !== "TCP" && protocol !== "UDP") return [["portRangeMin", "needs the protocol TCP or UDP"]];
  if (typeof portRangeMin !== "number") return [["portRangeMin", "is required beside portRangeMax"]];
  if (typeof portRangeMax !== "number") return [["portRangeMax", "is required beside portRangeMin"]];
  const inRange = [portRangeMin, portRangeMax].every((port) => Number.isInteger(port) && port >= 1 && port <= 65535);
  if (!inRange) return [["portRangeMin", "ports are whole numbers from 1 to 65535"]];
  return portRangeMin <= portRangeMax ? [] : [["portRangeMin", "is greater than portRangeMax"]];
}

function addressesIn(state: CloudState, groupId: string): readonly string[] {
  return Object.values(state.instances)
    .filter(({ securityGroupIds }) => securityGroupIds?.includes(groupId))
    .flatMap(({ publicIp, privateIp }) => [publicIp, privateIp])
    .flatMap((address) => (address === undefined ? [] : [`${address}/32`]));
}

function sourcesOf(state: CloudState, rule: SecurityRule): readonly string[] {
  if (rule.remoteGroupId !== undefined) return addressesIn(state, rule.remoteGroupId);
  return [rule.remoteIpPrefix ?? anyAddress];
}

/** What an instance's groups accept together. IPv6 and outbound rules add nothing: the lab has no IPv6, egress is open. */
export function ingressOf(state: CloudState, instance: Instance): readonly IngressRule[] {
  const groups = instance.securityGroupIds?.map((id) => state.securityGroups[id]?.rules ?? []) ?? [defaultGroup];
  return groups
    .flat()
    .filter(({ direction, ethernetType }) => direction === "INGRESS" && ethernetType === "IPV4")
    .flatMap((rule) => {
      const sources = sourcesOf(state, rule);
      return sources.length === 0 ? [] : flowsOf(rule, sources);
    });
}

function flowsOf(rule: SecurityRule, sources: readonly string[]): IngressRule[] {
  const ports = [rule.portRangeMin ?? 1, rule.portRangeMax ?? 65535] as const;
  const wanted = protocols.filter((protocol) => rule.protocol === undefined || rule.protocol === protocol);
  return wanted.map((protocol): IngressRule => {
    switch (protocol) {
      case "TCP":
        return { protocol: "tcp", ports, sources };
      case "UDP":
        return { protocol: "udp", ports, sources };
      case "ICMP":
        return { protocol: "icmp", sources };
      default:
        return protocol satisfies never;
    }
  });
}

/** Brings the firewalls of all hosts in line with what exists. Part of every transaction that can change them. */
export async function applyFirewalls(cloud: Cloud, before: CloudState, after: CloudState): Promise<void> {
  const stale = Object.values(after.instances).filter((instance) => {
    if (instance.creator !== undefined) return false;
    const old = before.instances[instance.id];
    return old === undefined || JSON.stringify(ingressOf(before, old)) !== JSON.stringify(ingressOf(after, instance));
  });
  if (stale.length === 0) return;
  const hosts = await cloud.hosts();
  for (const instance of stale) {
    // A host that was removed behind the cloud's back has no firewall; a refresh notices it.
    if ((await hosts.host(instance.hostName)) === undefined) continue;
    await hosts.setIngress(instance.hostName, ingressOf(after, instance));
  }
}
