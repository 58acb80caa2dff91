import { run } from "../util/run.ts";
import { vrackNetwork } from "./addressing.ts";
import type { LabLayout } from "./layout.ts";
import { regionNetwork } from "./layout.ts";
import { publicBridge, vrackBridge } from "./network.ts";
import type { HostRecord } from "./state.ts";
import type { IngressRule, LabRegion } from "./types.ts";

/**
 * The hosts' firewall stands where a cloud has it: outside the hosts, which cannot change it. Each region's namespace
 * has one nftables table with a chain per host. Everything to a host passes there, whether it is routed or comes from a
 * neighbour on the same bridge (bridges hand their packets to it, see network.ts).
 */
export function renderFirewall(records: readonly HostRecord[]): string {
  const chains = records.map((record) => {
    const rules = record.spec.ingress.map(renderRule);
    return [`  chain ${chainName(record)} {`, ...rules.map((rule) => `    ${rule}`), "    drop", "  }"].join("\n");
  });
  const destinations = records.flatMap((record) => {
    const addresses = [record.publicIp, ...(record.spec.privateIp === undefined ? [] : [record.spec.privateIp])];
    return addresses.map((address) => `${address} : goto ${chainName(record)}`);
  });
  const bridges = `{ "${publicBridge}", "${vrackBridge}" }`;
  return [
    // Declared before it is deleted, so that the first time is like any other; nft applies all of this or nothing.
    "table inet hosts",
    "delete table inet hosts",
    "table inet hosts {",
    ...chains,
    "  chain forward {",
    "    type filter hook forward priority filter; policy accept;",
    "    meta nfproto ipv6 drop",
    // Replies only: what a rule once let in is judged again with each packet, so a removed rule ends its connections.
    "    ct state established ct direction reply accept",
    "    ct state related accept",
    // The public network and the vRack are two networks, though one router serves both.
    `    iifname "${publicBridge}" ip daddr ${vrackNetwork} drop`,
    `    iifname "${vrackBridge}" ip daddr != ${vrackNetwork} drop`,
    ...(destinations.length === 0 ? [] : [`    ip daddr vmap { ${destinations.join(", ")} }`]),
    `    oifname ${bridges} drop`,
    "  }",
    "}",
    "",
  ].join("\n");
}

/** Chains are named after the public address: it is unique, and made of what nft takes in a name. */
function chainName(record: HostRecord): string {
  return `host-${record.publicIp.replaceAll(".", "-")}`;
}

function renderRule(rule: IngressRule): string {
  const sources = rule.sources.length === 0 ? "" : `ip saddr { ${rule.sources.join(", ")} } `;
  switch (rule.protocol) {
    case "icmp":
      return `${sources}ip protocol icmp accept`;
    case "tcp":
    case "udp": {
      const [first, last] = rule.ports ?? [0, 65535];
      return `${sources}${rule.protocol} dport ${first}-${last} accept`;
    }
    default:
      return rule.protocol satisfies never;
  }
}

/** Says what is wrong with a host's rules, undefined when nothing is. */
export function ingressFault(ingress: readonly IngressRule[]): string | undefined {
  for (const rule of ingress) {
    if (rule.sources.length === 0) return `a ${rule.protocol} rule names no sender (0.0.0.0/0 is everybody)`;
    const wrong = rule.sources.find((source) => !isIpv4Cidr(source));
    if (wrong !== undefined) return `"${wrong}" is no IPv4 network such as 10.80.0.0/24`;
    if (rule.protocol === "icmp" && rule.ports !== undefined) return "an icmp rule has ports";
    const [first, last] = rule.ports ?? [0, 65535];
    const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65535;
    if (!isPort(first) || !isPort(last) || first > last) return `${first} to ${last} is no range of ports`;
  }
  return undefined;
}

function isIpv4Cidr(text: string): boolean {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (match === null) return false;
  return match.slice(1, 5).every((part) => Number(part) <= 255) && Number(match[5] ?? 32) <= 32;
}

/** Puts the rules of all hosts of a region into force, at once. */
export async function applyFirewall(
  layout: LabLayout,
  region: LabRegion,
  records: readonly HostRecord[],
): Promise<void> {
  const rules = renderFirewall(records.filter((record) => record.spec.region === region));
  await run("nsenter", [`--net=${regionNetwork(layout, region)}`, "nft", "-f", "-"], { input: rules });
}
