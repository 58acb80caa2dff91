import type { Declared } from "../../infra/declared.ts";
import { contains, parseCidr } from "../../infra/ipv4.ts";
import { exporterPorts, ports } from "../../infra/topology/ports.ts";
import {
  type Finding,
  isObject,
  ofType,
  type ResourceRule,
  type ResourceView,
  type StackRule,
  type StackView,
  textOf,
  types,
} from "../model.ts";

/** A rule of a security group that lets something in. */
interface Opening {
  /** "TCP"; absent: every protocol. */
  readonly protocol: string | undefined;
  readonly first: number;
  readonly last: number;
  /** A network; absent where the senders are named by a group, or by nothing. */
  readonly source: string | undefined;
  readonly fromGroup: boolean;
}

function openingsOf({ props }: ResourceView): readonly Opening[] {
  const rules = Array.isArray(props["rules"]) ? props["rules"] : [];
  return rules.filter(isObject).flatMap((rule) => {
    if (rule["direction"] === "EGRESS") return [];
    const number = (key: string, otherwise: number) => (typeof rule[key] === "number" ? rule[key] : otherwise);
    const text = (key: string) => (typeof rule[key] === "string" ? rule[key] : undefined);
    const protocol = text("protocol")?.toUpperCase();
    const [first, last] = [number("portRangeMin", 1), number("portRangeMax", 65_535)];
    return [{ protocol, first, last, source: text("remoteIpPrefix"), fromGroup: text("remoteGroupId") !== undefined }];
  });
}

/** Networks at least this wide are the world; a stack's configuration refuses them for SSH. */
const widestPrefix = 8;

function isWorld({ source, fromGroup }: Opening): boolean {
  if (source === undefined) return !fromGroup;
  // No IPv6 is planned, so that no IPv6 network is a declared sender.
  return source.includes(":") || (parseCidr(source)?.prefixLength ?? 0) < widestPrefix;
}

const covers = ({ protocol, first, last }: Opening, port: number): boolean =>
  (protocol === undefined || protocol === "TCP") && first <= port && port <= last;

/** Protocols without ports. VRRP has no data: HAProxy hosts agree by it which of them holds the virtual address. */
const portless: readonly string[] = ["ICMP", "VRRP"];

/** "TCP 9200" */
function nameOf({ protocol, first, last }: Opening): string {
  const range = first === last ? `${first}` : `${first} to ${last}`;
  return protocol !== undefined && portless.includes(protocol)
    ? protocol
    : `${protocol ?? "every protocol, port"} ${range}`;
}

const from = ({ source, fromGroup }: Opening): string => source ?? (fromGroup ? "a group" : "everywhere");

/** Which hosts a group is for, by its name: es-failover-gra-haproxy. */
const groupOf = (resource: ResourceView): string => textOf(resource, "name")?.split("-").at(-1) ?? "";

/** What applications reach: the entry, and the service that tells them which region serves. */
const entryPorts: readonly number[] = [ports.entry, ports.endpoint];

const isEntry = (resource: ResourceView, { protocol, first, last }: Opening): boolean =>
  groupOf(resource) === "haproxy" && protocol === "TCP" && first === last && entryPorts.includes(first);

export const onlyTheEntryIsPublic: ResourceRule = {
  id: "only-the-entry-is-public",
  purpose: "Nothing but the entry of applications may be open to the world.",
  types: [types.securityGroup, types.instance],
  check: (resource) => {
    if (resource.type === types.instance) {
      if (resource.props["securityGroupIds"] !== undefined) return [];
      return [
        `${resource.name} has no security group, so that the project's group \`default\` opens every port of it to the ` +
          "world: name its groups in securityGroupIds.",
      ];
    }
    const open = openingsOf(resource).filter((opening) => isWorld(opening) && !isEntry(resource, opening));
    return open.map(
      (opening) =>
        `${resource.name} opens ${nameOf(opening)} to ${from(opening)}: only the entry (TCP ${entryPorts.join(" and ")} of ` +
        "HAProxy hosts) may be open to the world. Name the senders' own networks.",
    );
  },
};

/** SSH, or TLS by the program's own configuration of the service. */
const encrypted: readonly number[] = [...new Set(Object.values(ports))].sort((a, b) => a - b);

export const noPlaintextPort: ResourceRule = {
  id: "no-plaintext-port",
  purpose: "Every open port speaks TLS or SSH.",
  types: [types.securityGroup],
  check: (resource) =>
    openingsOf(resource)
      .filter(({ protocol, first, last }) => {
        if (protocol !== undefined && portless.includes(protocol)) return false;
        return protocol !== "TCP" || first !== last || !encrypted.includes(first);
      })
      .map(
        (opening) =>
          `${resource.name} opens ${nameOf(opening)} to ${from(opening)}: only ports that speak TLS or SSH may be open, ` +
          `each in a TCP rule of its own (${encrypted.join(", ")}). Remove the rule, or put the service behind TLS.`,
      ),
};

export const peersOnly: StackRule = {
  id: "peers-only",
  purpose:
    "Elasticsearch, etcd, the watchdogs' own port, the exporters and VRRP are open to the hosts that need them and to no other.",
  check: (stack) =>
    ofType(stack, types.securityGroup).flatMap((group) => [
      ...strangersOfVrrp(stack, group),
      ...openingsOf(group).flatMap((opening) =>
        peerPorts(stack)
          .filter(({ port, at }) => covers(opening, port) && (at === undefined || at(groupOf(group))))
          .filter(({ senders }) => !senders.includes(opening.source ?? ""))
          .map(
            ({ port, who }): Finding => ({
              urn: group.urn,
              message:
                `${group.name} opens TCP ${port} to ${from(opening)}, which is none of ${who}: allow the /32 address of each ` +
                "of them, as infra/topology plans it.",
            }),
          ),
      ),
    ]),
};

/** Who speaks VRRP to a HAProxy host can take the virtual address from it. */
function strangersOfVrrp({ declared }: StackView, group: ResourceView): readonly Finding[] {
  if (declared === null) return [];
  const routers = declared.hosts
    .filter(({ role, site }) => groupOf(group) === "haproxy" && role === "haproxy" && site === declared.site)
    .map(({ privateIp }) => `${privateIp}/32`);
  return openingsOf(group)
    .filter(({ protocol, source }) => protocol === "VRRP" && !routers.includes(source ?? ""))
    .map((opening) => ({
      urn: group.urn,
      message: `${group.name} opens VRRP to ${from(opening)}: allow the HAProxy hosts of ${declared.site} to speak it to each other, and no other host.`,
    }));
}

const isNot = (excluded: string) => (group: string) => group !== excluded;

interface PeerPort {
  readonly port: number;
  /** Whether it is about a group of hosts; absent: about all. */
  readonly at?: (group: string) => boolean;
  readonly who: string;
  readonly senders: readonly string[];
}

/** Who may use which port, from the declared hosts alone and not from the rules that the program made of them. */
function peerPorts({ declared }: StackView): readonly PeerPort[] {
  const hosts = declared?.hosts ?? [];
  const addresses = (chosen: typeof hosts) => chosen.map(({ privateIp }) => `${privateIp}/32`);
  const watchdogs = addresses(hosts.filter(({ role }) => role !== "elasticsearch"));
  const members = addresses(hosts.filter(({ isMember }) => isMember));
  const prometheus = addresses(hosts.filter(({ role }) => role === "witness"));
  const exporters = [...new Set<number>(Object.values(exporterPorts).flat())];
  if (declared === null) return [];
  // Nodes have the same port for each other's keys.
  const failsafeAt = declared.remoteClusterSecurity === "api_key" ? isNot("elasticsearch") : () => true;
  return [
    { port: ports.elasticsearchHttp, at: isNot("haproxy"), who: "the watchdogs' hosts", senders: watchdogs },
    ...replicationPorts(declared),
    { port: ports.etcdClient, who: "the watchdogs' hosts", senders: watchdogs },
    { port: ports.etcdPeer, who: "the members of etcd", senders: members },
    { port: ports.etcdFounder, who: "the members of etcd", senders: members },
    { port: ports.failsafe, at: failsafeAt, who: "the watchdogs' hosts", senders: watchdogs },
    ...exporters.map((port) => ({ port, who: "the witness, which has Prometheus", senders: prometheus })),
  ];
}

/** How the nodes of a cluster reach each other, and those of the other region. */
function replicationPorts({ hosts, site, remoteClusterSecurity }: Declared): readonly PeerPort[] {
  const nodes = hosts.filter(({ role }) => role === "elasticsearch");
  const addresses = (chosen: typeof nodes) => chosen.map(({ privateIp }) => `${privateIp}/32`);
  if (remoteClusterSecurity === "certificate") {
    return [{ port: ports.elasticsearchTransport, who: "the Elasticsearch nodes", senders: addresses(nodes) }];
  }
  const own = nodes.filter((node) => node.site === site);
  const others = nodes.filter((node) => node.site !== site);
  return [
    { port: ports.elasticsearchTransport, who: `the Elasticsearch nodes of ${site}`, senders: addresses(own) },
    {
      port: ports.remoteCluster,
      at: (group) => group === "elasticsearch",
      who: "the Elasticsearch nodes of the other region",
      senders: addresses(others),
    },
  ];
}

export const sshFromAdministrators: StackRule = {
  id: "ssh-from-administrators",
  purpose: "SSH is open to adminCidrs and to no other network, or to the bastion alone where there is one.",
  check: (stack) => {
    if (stack.declared === null) return [];
    const { key, cidrs } = stack.declared.administrators;
    const admins = cidrs.flatMap((cidr) => parseCidr(cidr) ?? []);
    const remedy =
      key === "bastion"
        ? "which is not the bastion: remove the rule, as administrators log in through es-failover:bastion."
        : "which is not within es-failover:adminCidrs: add the network there if administrators use it, else remove the rule.";
    return ofType(stack, types.securityGroup).flatMap((group) =>
      openingsOf(group)
        .filter((opening) => covers(opening, ports.ssh))
        .filter(({ source }) => {
          const network = parseCidr(source ?? "");
          return network === undefined || !admins.some((admin) => contains(admin, network));
        })
        .map(
          (opening): Finding => ({
            urn: group.urn,
            message: `${group.name} opens SSH (TCP ${ports.ssh}) to ${from(opening)}, ${remedy}`,
          }),
        ),
    );
  },
};
