import type { IngressRule } from "../../hosts/types.ts";
import type { Cloud } from "./cloud.ts";
import type { CloudState, Instance, SecurityRule } from "./state.ts";

/** Protocols of the lab's firewall. A rule without a protocol applies to all of them. */
export const protocols = ["TCP", "UDP", "ICMP", "VRRP"] as const;
const anyAddress = "0.0.0.0/0";

/** The project's `default` group, for instances without `securityGroupIds`. It accepts everything, as on OVHcloud. */
const defaultGroup: readonly SecurityRule[] = [{ direction: "INGRESS", ethernetType: "IPV4" }];

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

/** Flows that an instance's groups accept. IPv6 and outbound rules add none: the lab has no IPv6, and egress is open. */
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
      case "VRRP":
        return { protocol: "vrrp", sources };
      default:
        return protocol satisfies never;
    }
  });
}

/** Applies changed rules to the hosts' firewalls. Part of every transaction that can change them. */
export async function applyFirewalls(cloud: Cloud, before: CloudState, after: CloudState): Promise<void> {
  const stale = Object.values(after.instances).filter((instance) => {
    if (instance.creator !== undefined) return false;
    const old = before.instances[instance.id];
    return old === undefined || JSON.stringify(ingressOf(before, old)) !== JSON.stringify(ingressOf(after, instance));
  });
  if (stale.length === 0) return;
  const hosts = await cloud.hosts();
  for (const instance of stale) {
    // A host that was removed outside the cloud has no firewall; a refresh detects it.
    if ((await hosts.host(instance.hostName)) === undefined) continue;
    await hosts.setIngress(instance.hostName, ingressOf(after, instance));
  }
}
