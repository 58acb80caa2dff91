/** The regions of the lab. Each has its own bridges; a WAN with delay, loss and cuts connects them. */
export const labRegions = ["gra", "bhs", "witness"] as const;
export type LabRegion = (typeof labRegions)[number];

/** One accepted inbound flow; everything else is dropped. Egress is open, as in OpenStack's default. */
export interface IngressRule {
  readonly protocol: "tcp" | "udp" | "icmp" | "vrrp";
  /** First and last destination port, inclusive; absent for icmp and vrrp. */
  readonly ports?: readonly [first: number, last: number];
  /** Accepted senders in CIDR notation (IPv4). */
  readonly sources: readonly string[];
}

export interface HostVolume {
  /** The host finds the device as /dev/disk/by-id/virtio-<first 20 characters>. */
  readonly id: string;
  readonly sizeGiB: number;
}

/** Specification of a lab host, which is a real host to SSH: own root file system, systemd, addresses. */
export interface HostSpec {
  readonly name: string;
  readonly region: LabRegion;
  /** Address on the vRack network 192.168.0.0/16 (interface eth1); absent: no private network. */
  readonly privateIp?: string;
  /** Whether it has the vRack alone, and no public interface (eth0). Default: it has one. */
  readonly isPrivate?: boolean;
  /** Gateway that the private network's DHCP service offers, whether it answers or not; absent: none. */
  readonly gatewayIp?: string;
  /** Public keys of user `debian` (with passwordless sudo), as on OVHcloud's Debian image. */
  readonly authorizedKeys: readonly string[];
  /** The only accepted inbound flows, besides replies; enforced with nftables outside the host. */
  readonly ingress: readonly IngressRule[];
  readonly volumes: readonly HostVolume[];
}

export interface HostAddresses {
  readonly name: string;
  /** Address on the region's public network (interface eth0), unless it is private. The next host of the same name gets it again. */
  readonly publicIp?: string;
  readonly privateIp?: string;
}

/**
 * `running`: also while it boots, reboots or shuts down. `frozen`: the cgroup freezer has stopped every process. `off`:
 * powered off, killed or never started; its network cables are unplugged.
 */
export type PowerState = "running" | "frozen" | "off";

export interface HostStatus extends HostAddresses {
  readonly region: LabRegion;
  readonly power: PowerState;
  readonly volumes: readonly HostVolume[];
}

/** How one direction of a WAN line carries packets. Packets keep their order. */
export interface WanSettings {
  readonly delayMs: number;
  /** Additional delay of each packet: uniformly distributed from 0 to this. */
  readonly jitterMs: number;
  /** Share of lost packets, 0 to 100. */
  readonly lossPercent: number;
  /** What the line carries, in megabits per second, with a buffer of 100 ms as a router has; 0: no limit. */
  readonly rateMbit: number;
  /** A cut direction drops every packet silently, as a broken line does. */
  readonly cut: boolean;
}

export interface WanDirection {
  readonly from: LabRegion;
  readonly to: LabRegion;
}
