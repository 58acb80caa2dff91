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
 * service cannot be switched off, so each site has its own allocation pool, which contains no pinned address. No host needs a
 * gateway: each reaches the internet through its public interface. The API has no way to say so, and may choose one, which DHCP
 * then offers: provision/private-route.sh refuses it.
 */
export class PrivateNetwork extends pulumi.ComponentResource {
  readonly networkId: pulumi.Output<string>;
  readonly subnetId: pulumi.Output<string>;

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
        dhcpEnabled: true,
        allocationPools: [region.allocationPool],
      },
      { parent: this, deleteBeforeReplace: true },
    );
    this.networkId = vrack.id;
    this.subnetId = subnet.id;
    this.registerOutputs({ networkId: this.networkId, subnetId: this.subnetId });
  }
}
