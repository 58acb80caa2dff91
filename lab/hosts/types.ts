/** The regions of the lab. Each has a bridge of its own; a WAN with delay, loss and cuts lies between them. */
export const labRegions = ["gra", "bhs", "witness"] as const;
export type LabRegion = (typeof labRegions)[number];

/** One accepted inbound flow; what no rule names is dropped. Egress is open, as in OpenStack's default. */
export interface IngressRule {
  readonly protocol: "tcp" | "udp" | "icmp";
  /** First and last destination port, inclusive; absent for icmp. */
  readonly ports?: readonly [first: number, last: number];
  /** Senders that may use it, in CIDR notation. */
  readonly sources: readonly string[];
}

export interface HostVolume {
  /** Identifier of the volume; the host finds the device under /dev/disk/by-id/virtio-<first 20 characters>. */
  readonly id: string;
  readonly sizeGiB: number;
}

/** What a lab host is made from. It becomes a real host to SSH: own root file system, systemd, addresses. */
export interface HostSpec {
  readonly name: string;
  readonly region: LabRegion;
  /** Address on the vRack network 192.168.0.0/16 (interface eth1); absent for a host without a private network. */
  readonly privateIp?: string;
  /** Public keys that may log in as user `debian` (with passwordless sudo), as on OVHcloud's Debian image. */
  readonly authorizedKeys: readonly string[];
  /** The only inbound flows let through, replies excepted; enforced with nftables. */
  readonly ingress: readonly IngressRule[];
  readonly volumes: readonly HostVolume[];
}
