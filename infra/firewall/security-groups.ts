import * as ovh from "@ovhcloud/pulumi-ovh";
import * as pulumi from "@pulumi/pulumi";
import type { IngressRule, RegionPlan, Role, Topology } from "../topology.ts";

export interface SecurityGroupsArgs {
  readonly serviceName: string;
  readonly region: RegionPlan;
  readonly ingress: Topology["ingress"];
}

/** A security group per role. They name addresses, not groups: a group of the other region cannot be referred to. */
export class SecurityGroups extends pulumi.ComponentResource {
  readonly ids: Readonly<Record<Role, pulumi.Output<string>>>;

  constructor(name: string, args: SecurityGroupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:firewall:SecurityGroups", name, {}, opts);
    const group = (role: Role) =>
      new ovh.CloudSecurityGroup(
        `${name}-${role}`,
        {
          serviceName: args.serviceName,
          region: args.region.ovhRegion,
          name: `es-failover-${args.region.name}-${role}`,
          description: `What the ${role} hosts of ${args.region.name} accept`,
          rules: args.ingress[role].map(securityGroupRule),
        },
        { parent: this },
      ).id;
    this.ids = { elasticsearch: group("elasticsearch"), haproxy: group("haproxy") };
    this.registerOutputs({ ids: this.ids });
  }
}

/** Egress is open by OpenStack's own default rule, so only what comes in is declared. */
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
