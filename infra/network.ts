import * as ovh from "@ovhcloud/pulumi-ovh";
import * as pulumi from "@pulumi/pulumi";
import type { RegionPlan } from "./topology/model.ts";

export interface PrivateNetworkArgs {
  readonly serviceName: string;
  readonly region: RegionPlan;
  /** Range and VLAN of the network that spans all sites. */
  readonly network: { readonly cidr: string; readonly vlanId: number };
}

/**
 * The site's part of the vRack network: the same VLAN and range at each site make one network of all parts. The DHCP
 * service cannot be switched off, so each site has its own allocation pool, which contains no pinned address.
 *
 * The API has no way to leave the gateway's address out, and DHCP offers it to every host as a way to the internet. So it is chosen
 * here, another one at each site, since all of them are on one network. Behind it is a gateway where hosts have no public address;
 * the others refuse the offer (provision/private-route.sh).
 */
export class PrivateNetwork extends pulumi.ComponentResource {
  readonly networkId: pulumi.Output<string>;
  readonly subnetId: pulumi.Output<string>;
  /** What hosts without a public address need before they reach the internet. */
  readonly egress: readonly pulumi.Resource[];

  constructor(name: string, args: PrivateNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:network:PrivateNetwork", name, {}, opts);
    const { serviceName, region, network } = args;
    const vrack = new ovh.CloudNetworkPrivateVrack(
      `${name}-network`,
      { serviceName, region: region.ovhRegion, name: `es-failover-${region.name}`, vlanId: network.vlanId },
      // A region has one network on a VLAN.
      { parent: this, deleteBeforeReplace: true },
    );
    const subnet = new ovh.CloudNetworkPrivateVrackSubnet(
      `${name}-subnet`,
      {
        serviceName,
        region: region.ovhRegion,
        networkId: vrack.id,
        name: `es-failover-${region.name}`,
        cidr: network.cidr,
        gatewayIp: region.gatewayIp,
        dhcpEnabled: true,
        allocationPools: [region.allocationPool],
      },
      { parent: this, deleteBeforeReplace: true },
    );
    this.networkId = vrack.id;
    this.subnetId = subnet.id;
    this.egress = this.gateway(name, args, subnet);
    this.registerOutputs({ networkId: this.networkId, subnetId: this.subnetId });
  }

  private gateway(name: string, { serviceName, region }: PrivateNetworkArgs, subnet: pulumi.CustomResource) {
    if (region.gatewayModel === null) return [];
    return [
      new ovh.CloudGateway(
        `${name}-gateway`,
        {
          serviceName,
          region: region.ovhRegion,
          name: `es-failover-${region.name}`,
          externalGateway: { enabled: true, model: region.gatewayModel },
          subnetIds: [subnet.id],
        },
        // A subnet has one gateway at its address.
        { parent: this, deleteBeforeReplace: true },
      ),
    ];
  }
}
