/** The regions of the lab. Each has bridges of its own; a WAN with delay, loss and cuts lies between them. */
export const labRegions = ["gra", "bhs", "witness"] as const;
export type LabRegion = (typeof labRegions)[number];

/** One accepted inbound flow; what no rule names is dropped. Egress is open, as in OpenStack's default. */
export interface IngressRule {
  readonly protocol: "tcp" | "udp" | "icmp";
  /** First and last destination port, inclusive; absent for icmp. */
  readonly ports?: readonly [first: number, last: number];
  /** Senders that may use it, in CIDR notation (IPv4). */
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
  /** The only inbound flows let through, replies excepted; enforced with nftables outside the host. */
  readonly ingress: readonly IngressRule[];
  readonly volumes: readonly HostVolume[];
}

export interface HostAddresses {
  readonly name: string;
  /** Address on the region's public network (interface eth0). A host of the same name gets the same one again. */
  readonly publicIp: string;
  readonly privateIp?: string;
}

/** `off`: powered off, killed or never started. `frozen`: every process of it is stopped by the cgroup freezer. */
export type PowerState = "running" | "frozen" | "off";

export interface HostStatus extends HostAddresses {
  readonly region: LabRegion;
  readonly power: PowerState;
  readonly volumes: readonly HostVolume[];
}

/** How one direction of a WAN line carries packets. Packets of a direction keep their order. */
export interface WanSettings {
  readonly delayMs: number;
  /** Each packet waits up to this much longer, evenly spread. */
  readonly jitterMs: number;
  /** Share of the packets that vanish, 0 to 100. */
  readonly lossPercent: number;
  /** A cut direction drops everything silently, as a broken line does. */
  readonly cut: boolean;
}

export interface WanDirection {
  readonly from: LabRegion;
  readonly to: LabRegion;
}
