import type { Declared } from "../../infra/declared.ts";
import { overlap, parseCidr } from "../../infra/ipv4.ts";
import { type Finding, ofType, type StackRule, type StackView, textOf, types } from "../model.ts";

/** Members of an anti-affinity group: OVHcloud's bound, see infra/instances. */
const groupMax = 5;

export const hostsAreSpread: StackRule = {
  id: "hosts-are-spread",
  purpose: "Hosts of a role are on different hypervisors, by anti-affinity groups.",
  check: (stack) => {
    const members = new Map<string, string[]>();
    const findings: Finding[] = [];
    for (const { name, urn, props, sources } of ofType(stack, types.instance)) {
      const [group] = sources["groupId"] ?? [];
      if (props["groupId"] === undefined || group === undefined) {
        findings.push({
          urn,
          message: `${name} is in no anti-affinity group, so that one failed hypervisor may take several hosts of its role: set groupId.`,
        });
      } else {
        members.set(group, [...(members.get(group) ?? []), name]);
      }
    }
    for (const group of ofType(stack, types.group)) {
      const { name, urn } = group;
      const policy = textOf(group, "policy");
      const inIt = members.get(name) ?? [];
      if (policy !== "ANTI_AFFINITY") {
        findings.push({ urn, message: `${name} has the policy ${policy}: ANTI_AFFINITY alone keeps its hosts apart.` });
      }
      if (inIt.length > groupMax) {
        const message = `${name} has ${inIt.length} hosts (${inIt.join(", ")}), and OVHcloud spreads ${groupMax}: make another group.`;
        findings.push({ urn, message });
      }
    }
    return findings;
  },
};

export const oddVoters: StackRule = {
  id: "odd-voters",
  purpose: "Each region has an odd number of master-eligible nodes, and etcd an odd number of members.",
  check: ({ declared }) => {
    if (declared === null) return [];
    // Every node of the program is master-eligible.
    const regions = Map.groupBy(
      declared.hosts.filter(({ role }) => role === "elasticsearch"),
      ({ site }) => site,
    );
    const even = [...regions].filter(([, nodes]) => nodes.length % 2 === 0);
    const members = declared.hosts.filter(({ isMember }) => isMember).length;
    return [
      ...even.map(([site, { length }]) => ({
        message:
          `${site} has ${length} master-eligible Elasticsearch nodes: an even number survives no more lost nodes than one ` +
          `fewer. Set es-failover:regions.${site}.elasticsearchNodes to ${length - 1} or ${length + 1}.`,
      })),
      ...(members === 0 || members % 2 === 1
        ? []
        : [{ message: `etcd has ${members} members: it needs one at each of three sites (es-failover:witness).` }]),
    ];
  },
};

/** "GRA11" and "GRA9" are one campus, as are the zones of "EU-WEST-PAR". */
const campusOf = (ovhRegion: string): string => /^([A-Z]+)\d+$/.exec(ovhRegion)?.[1] ?? ovhRegion;

export const sitesAreApart: StackRule = {
  id: "sites-are-apart",
  purpose: "All sites are on different campuses and in disjoint networks, and a stack's resources in its own region.",
  check: (stack) => {
    const { declared } = stack;
    if (declared === null) return [];
    const pairs = declared.sites.flatMap((one, index) =>
      declared.sites.slice(index + 1).map((other) => [one, other] as const),
    );
    return [...pairs.flatMap(([one, other]) => tooClose(one, other)), ...elsewhere(stack, declared)];
  },
};

type Site = Declared["sites"][number];

function tooClose(one: Site, other: Site): readonly Finding[] {
  const findings: Finding[] = [];
  const campus = campusOf(one.ovhRegion);
  if (campus === campusOf(other.ovhRegion)) {
    findings.push({
      message:
        `${one.name} (${one.ovhRegion}) and ${other.name} (${other.ovhRegion}) are on the campus ${campus}: one fire or power ` +
        "failure takes both. Choose an ovhRegion of another campus for one of them.",
    });
  }
  const [a, b] = [parseCidr(one.cidr), parseCidr(other.cidr)];
  if (a !== undefined && b !== undefined && overlap(a, b)) {
    const message = `The networks of ${one.name} (${one.cidr}) and ${other.name} (${other.cidr}) overlap: choose disjoint ones.`;
    findings.push({ message });
  }
  return findings;
}

function elsewhere({ resources }: StackView, declared: Declared): readonly Finding[] {
  const own = declared.sites.find(({ name }) => name === declared.site)?.ovhRegion;
  return resources.flatMap(({ type, name, urn, props }) => {
    const { region } = props;
    if (!type.startsWith("ovh:") || typeof region !== "string" || region === own) return [];
    return [
      {
        urn,
        message: `${name} is in ${region}, and ${declared.site} is in ${own}: a site's stack makes nothing elsewhere.`,
      },
    ];
  });
}
