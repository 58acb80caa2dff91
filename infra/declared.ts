import { z } from "zod";
import { remoteClusterSecuritySchema } from "../watchdog/config/sections.ts";
import type { StackConfig } from "./config/schema.ts";
import type { Topology } from "./topology/model.ts";

/**
 * What a stack declares of the whole deployment, as an output of its region's component: the policy pack compares the
 * stack's resources with it.
 */
export const declaredSchema = z.object({
  /** The stack's own site. */
  site: z.string(),
  sites: z.array(z.object({ name: z.string(), ovhRegion: z.string(), cidr: z.string() })),
  /** Hosts of all sites. */
  hosts: z.array(
    z.object({
      name: z.string(),
      role: z.enum(["elasticsearch", "haproxy", "witness"]),
      site: z.string(),
      privateIp: z.string(),
      hasPublicAddress: z.boolean(),
      /** Whether it has a member of etcd. */
      isMember: z.boolean(),
    }),
  ),
  /** Networks from which the stack's hosts accept SSH. */
  administrators: z.object({ key: z.enum(["adminCidrs", "bastion"]), cidrs: z.array(z.string()) }),
  remoteClusterSecurity: remoteClusterSecuritySchema,
  flavors: z.object({ elasticsearch: z.string(), haproxy: z.string(), witness: z.string() }),
  /** Java heap of Elasticsearch; absent where Elasticsearch sizes it. */
  heap: z.string().optional(),
  versions: z.object({ elasticsearch: z.string(), image: z.string() }),
});

export type Declared = z.output<typeof declaredSchema>;

export function declaredOf(config: StackConfig, { regions, witness, hosts, etcdMembers }: Topology): Declared {
  const { heap, version } = config.elasticsearch;
  return {
    site: config.region,
    sites: [...regions, ...(witness === null ? [] : [witness])].map(({ name, ovhRegion, cidr }) => ({
      name,
      ovhRegion,
      cidr,
    })),
    hosts: hosts.map(({ name, role, region, privateIp, hasPublicAddress }) => ({
      name,
      role,
      site: region,
      privateIp,
      hasPublicAddress,
      isMember: etcdMembers.some((member) => member.name === name),
    })),
    administrators:
      config.bastion === null
        ? { key: "adminCidrs", cidrs: config.adminCidrs }
        : { key: "bastion", cidrs: [`${config.bastion.privateIp}/32`] },
    remoteClusterSecurity: config.remoteClusterSecurity,
    flavors: config.flavors,
    ...(heap === undefined ? {} : { heap }),
    versions: { elasticsearch: version, image: config.image },
  };
}
