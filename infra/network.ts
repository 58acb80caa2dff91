import * as ovh from "@ovhcloud/pulumi-ovh";
import * as pulumi from "@pulumi/pulumi";
import type { RegionPlan } from "./topology.ts";

export interface PrivateNetworkArgs {
  readonly serviceName: string;
  readonly region: RegionPlan;
  /** Range and VLAN of the network that spans all regions. */
  readonly network: { readonly cidr: string; readonly vlanId: number };
}

/**
 * The region's part of the vRack network. The same VLAN and range in each region make one network of them; the DHCP
 * service cannot be switched off, so each region has an allocation pool of its own that holds no pinned address. There
 * is no gateway: hosts reach the internet by their public interface.
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
      { parent: this },
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
      { parent: this },
    );
    this.networkId = vrack.id;
    this.subnetId = subnet.id;
    this.registerOutputs({ networkId: this.networkId, subnetId: this.subnetId });
  }
}
