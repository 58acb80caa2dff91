import * as ovh from "@ovhcloud/pulumi-ovh";
import * as pulumi from "@pulumi/pulumi";
import {
  type FirewallGroup,
  firewallGroupsOf,
  type Host,
  type IngressRule,
  ingressOf,
  type RegionPlan,
  type Topology,
} from "./topology/model.ts";

export interface SecurityGroupsArgs {
  readonly serviceName: string;
  readonly region: RegionPlan;
  readonly topology: Topology;
}

/**
 * The security groups of the site's hosts: one per role, and one for members of etcd. Their rules name addresses, because
 * a rule cannot refer to a group of another OVHcloud region.
 */
export class SecurityGroups extends pulumi.ComponentResource {
  private readonly topology: Topology;
  private readonly ids: ReadonlyMap<FirewallGroup, pulumi.Output<string>>;

  constructor(name: string, args: SecurityGroupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:firewall:SecurityGroups", name, {}, opts);
    const { topology, region } = args;
    this.topology = topology;
    const needed = new Set(region.hosts.flatMap((host) => firewallGroupsOf(topology, host)));
    const group = (firewallGroup: FirewallGroup) =>
      new ovh.CloudSecurityGroup(
        `${name}-${firewallGroup}`,
        {
          serviceName: args.serviceName,
          region: region.ovhRegion,
          name: `es-failover-${region.name}-${firewallGroup}`,
          description: `What the ${firewallGroup} hosts of ${region.name} accept`,
          rules: ordered(ingressOf(topology, region.name, firewallGroup)).map(securityGroupRule),
        },
        { parent: this },
      ).id;
    this.ids = new Map([...needed].map((firewallGroup) => [firewallGroup, group(firewallGroup)]));
    this.registerOutputs({});
  }

  /** Ids of the groups of one of the site's hosts. */
  of(host: Host): pulumi.Output<string>[] {
    return firewallGroupsOf(this.topology, host).flatMap((group) => this.ids.get(group) ?? []);
  }
}

/** The order of a list in the configuration has no meaning, and may not look like a change of the group. */
function ordered(rules: readonly IngressRule[]): readonly IngressRule[] {
  return rules.toSorted(
    (a, b) => (a.port ?? 0) - (b.port ?? 0) || a.source.localeCompare(b.source, "en", { numeric: true }),
  );
}

/** OpenStack's default rule allows all egress, so only ingress is declared. */
function securityGroupRule(rule: IngressRule): ovh.types.input.CloudSecurityGroupRule {
  return {
    direction: "INGRESS",
    ethernetType: "IPV4",
    protocol: rule.protocol.toUpperCase(),
    ...(rule.port === undefined ? {} : { portRangeMin: rule.port, portRangeMax: rule.port }),
    remoteIpPrefix: rule.source,
    description: rule.why,
  };
}
