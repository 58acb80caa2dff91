import { run } from "../util/run.ts";
import { vrackNetwork } from "./addressing.ts";
import { gatewayMark } from "./gateway.ts";
import type { LabLayout } from "./layout.ts";
import { regionNetwork } from "./layout.ts";
import { publicBridge, vrackBridge } from "./network.ts";
import { type HostRecord, reachableAddresses } from "./state.ts";
import type { IngressRule, LabRegion } from "./types.ts";

/**
 * The hosts' firewall is outside the hosts, as in a cloud, so that no host can change it. Each region's namespace has one
 * nftables table with a chain per host. All packets to a host pass it, routed ones and those of neighbours on the same
 * bridge (network.ts makes bridges pass their packets to it).
 */
export function renderFirewall(records: readonly HostRecord[]): string {
  const chains = records.map((record) => {
    const rules = record.spec.ingress.map(renderRule);
    return [`  chain ${chainName(record)} {`, ...rules.map((rule) => `    ${rule}`), "    drop", "  }"].join("\n");
  });
  const destinations = records.flatMap((record) => {
    return reachableAddresses(record).map((address) => `${address} : goto ${chainName(record)}`);
  });
  const bridges = `{ "${publicBridge}", "${vrackBridge}" }`;
  return [
    // Declared before it is deleted, as it does not exist the first time; nft applies the whole input or nothing.
    "table inet hosts",
    "delete table inet hosts",
    "table inet hosts {",
    ...chains,
    "  chain forward {",
    "    type filter hook forward priority filter; policy accept;",
    "    meta nfproto ipv6 drop",
    // Replies only: every inbound packet is checked again, so removing a rule ends its connections.
    "    ct state established ct direction reply accept",
    "    ct state related accept",
    // One router serves the public network and the vRack, but must not route between them, unless it is a gateway.
    `    iifname "${publicBridge}" ip daddr ${vrackNetwork} drop`,
    `    iifname "${vrackBridge}" ip daddr != ${vrackNetwork} meta mark != ${gatewayMark} drop`,
    ...(destinations.length === 0 ? [] : [`    ip daddr vmap { ${destinations.join(", ")} }`]),
    `    oifname ${bridges} drop`,
    "  }",
    // The package proxy is on the router itself, and outside of the vRack all the same.
    "  chain input {",
    "    type filter hook input priority filter; policy accept;",
    `    iifname "${vrackBridge}" ip daddr != ${vrackNetwork} meta mark != ${gatewayMark} drop`,
    "  }",
    "}",
    "",
  ].join("\n");
}

/** The public address is unique, and its digits and hyphens are valid in an nft name. */
function chainName(record: HostRecord): string {
  return `host-${record.publicIp.replaceAll(".", "-")}`;
}

function renderRule(rule: IngressRule): string {
  const sources = rule.sources.length === 0 ? "" : `ip saddr { ${rule.sources.join(", ")} } `;
  switch (rule.protocol) {
    case "icmp":
      return `${sources}ip protocol icmp accept`;
    case "vrrp":
      return `${sources}ip protocol 112 accept`;
    case "tcp":
    case "udp": {
      const [first, last] = rule.ports ?? [0, 65535];
      return `${sources}${rule.protocol} dport ${first}-${last} accept`;
    }
    default:
      return rule.protocol satisfies never;
  }
}

/** Why a host's rules are not valid; undefined when they are. */
export function ingressViolation(ingress: readonly IngressRule[]): string | undefined {
  for (const rule of ingress) {
    if (rule.sources.length === 0) return `a ${rule.protocol} rule names no sender (0.0.0.0/0 for all)`;
    const wrong = rule.sources.find((source) => !isIpv4Cidr(source));
    if (wrong !== undefined) return `"${wrong}" is not an IPv4 network such as 10.80.0.0/24`;
    const hasNoPorts = rule.protocol === "icmp" || rule.protocol === "vrrp";
    if (hasNoPorts && rule.ports !== undefined) return `an ${rule.protocol} rule has ports`;
    const [first, last] = rule.ports ?? [0, 65535];
    const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65535;
    if (!isPort(first) || !isPort(last) || first > last) return `${first} to ${last} is not a range of ports`;
  }
  return undefined;
}

function isIpv4Cidr(text: string): boolean {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (match === null) return false;
  return match.slice(1, 5).every((part) => Number(part) <= 255) && Number(match[5] ?? 32) <= 32;
}

/** Applies the rules of all hosts of a region, atomically. */
export async function applyFirewall(
  layout: LabLayout,
  region: LabRegion,
  records: readonly HostRecord[],
): Promise<void> {
  const rules = renderFirewall(records.filter((record) => record.spec.region === region));
  await run("nsenter", [`--net=${regionNetwork(layout, region)}`, "nft", "-f", "-"], { input: rules });
}
