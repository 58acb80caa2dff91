/** Records of the lab's cloud, by kind. */

interface Common {
  readonly id: string;
  /** The Public Cloud project; resources of other projects do not exist for it. */
  readonly serviceName: string;
  readonly name: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface SshKey extends Common {
  readonly publicKey: string;
}

export interface Network extends Common {
  readonly region: string;
  readonly description?: string;
  readonly vlanId: number;
}

export interface Subnet extends Common {
  readonly region: string;
  readonly networkId: string;
  readonly cidr: string;
  readonly gatewayIp: string;
  readonly dhcpEnabled: boolean;
  readonly description?: string;
  readonly dnsNameservers?: readonly string[];
  readonly allocationPools: readonly { readonly start: string; readonly end: string }[];
}

export interface Gateway extends Common {
  readonly region: string;
  readonly description?: string;
  readonly externalGateway?: { readonly enabled: boolean; readonly model?: string };
  /** The subnets that it is attached to, each at the subnet's gateway address. */
  readonly interfaces: readonly { readonly subnetId: string; readonly address: string }[];
}

export interface SecurityRule {
  readonly direction: string;
  readonly ethernetType: string;
  readonly protocol?: string;
  readonly portRangeMin?: number;
  readonly portRangeMax?: number;
  readonly remoteIpPrefix?: string;
  readonly remoteGroupId?: string;
  readonly description?: string;
}

export interface SecurityGroup extends Common {
  readonly region: string;
  readonly description?: string;
  readonly rules: readonly SecurityRule[];
}

export interface InstanceGroup extends Common {
  readonly region: string;
  readonly policy: string;
}

export interface Volume extends Common {
  readonly region: string;
  readonly sizeGiB: number;
  readonly volumeType: string;
}

export interface InstanceNetwork {
  readonly autoAssignPublicIp?: boolean;
  readonly networkId?: string;
  readonly subnetId?: string;
  readonly ip?: string;
}

export interface Instance extends Common {
  readonly region: string;
  /** Name of the lab's host: the instance's first name, also after the instance is renamed. */
  readonly hostName: string;
  readonly flavorId: string;
  readonly imageId: string;
  readonly groupId?: string;
  readonly sshKeyName?: string;
  /** The key injected at boot; its resource may have been deleted since. */
  readonly publicKey?: string;
  /** Absent: the project's `default` group applies. */
  readonly securityGroupIds?: readonly string[];
  readonly networks: readonly InstanceNetwork[];
  readonly volumeIds: readonly string[];
  readonly powerState: string;
  /** Absent until the host runs. */
  readonly publicIp?: string;
  readonly privateIp?: string;
  /** The simulated hypervisor. */
  readonly hostId: string;
  /** The process that makes the host; no other one touches the instance while this one runs. */
  readonly creator?: number;
}

/** Of a DNS zone, which belongs to no Public Cloud project. */
export interface ZoneRecord {
  readonly zone: string;
  readonly subdomain: string;
  readonly fieldtype: string;
  readonly target: string;
  readonly ttl: number;
}

/** All resources of the cloud, by kind and id. */
export interface CloudState {
  sshKeys: Record<string, SshKey>;
  networks: Record<string, Network>;
  subnets: Record<string, Subnet>;
  gateways: Record<string, Gateway>;
  securityGroups: Record<string, SecurityGroup>;
  instanceGroups: Record<string, InstanceGroup>;
  volumes: Record<string, Volume>;
  instances: Record<string, Instance>;
  zoneRecords: Record<string, ZoneRecord>;
}

export function emptyState(): CloudState {
  return {
    sshKeys: {},
    networks: {},
    subnets: {},
    gateways: {},
    securityGroups: {},
    instanceGroups: {},
    volumes: {},
    instances: {},
    zoneRecords: {},
  };
}
