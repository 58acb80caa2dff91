import { readFile } from "node:fs/promises";
import path from "node:path";
import { Lab } from "../../hosts/lab.ts";
import { withLock } from "../../hosts/lock.ts";
import type { HostAddresses, HostSpec, HostStatus, HostVolume, IngressRule } from "../../hosts/types.ts";
import { isMissing, replaceFile } from "../../util/files.ts";

/** What the cloud does to the lab; the rest it only keeps record of. */
export interface CloudHosts {
  addHost(spec: HostSpec): Promise<HostAddresses>;
  removeHost(name: string): Promise<void>;
  host(name: string): Promise<HostStatus | undefined>;
  kill(name: string): Promise<void>;
  start(name: string): Promise<void>;
  setIngress(name: string, ingress: readonly IngressRule[]): Promise<void>;
  createVolume(volume: HostVolume): Promise<void>;
  deleteVolume(id: string): Promise<void>;
  attachVolume(host: string, volume: HostVolume): Promise<void>;
  detachVolume(host: string, id: string): Promise<void>;
}

interface Common {
  readonly id: string;
  /** The Public Cloud project. Resources of different projects do not know each other. */
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
  /** Name of the lab's host: the instance's name when it was made. Renaming the instance does not rename the host. */
  readonly hostName: string;
  readonly flavorId: string;
  readonly imageId: string;
  readonly groupId?: string;
  readonly sshKeyName?: string;
  /** The key that was injected at boot; the key resource may be gone since. */
  readonly publicKey?: string;
  /** Absent: the project's `default` group applies. */
  readonly securityGroupIds?: readonly string[];
  readonly networks: readonly InstanceNetwork[];
  readonly volumeIds: readonly string[];
  readonly powerState: string;
  /** Known once the host runs. */
  readonly publicIp?: string;
  readonly privateIp?: string;
  /** The pretend hypervisor. */
  readonly hostId: string;
  /** The process that is making the host; while it lives, nobody else touches the instance. */
  readonly creator?: number;
}

/** Everything that exists in the cloud, by kind and id. */
export interface CloudState {
  sshKeys: Record<string, SshKey>;
  networks: Record<string, Network>;
  subnets: Record<string, Subnet>;
  securityGroups: Record<string, SecurityGroup>;
  instanceGroups: Record<string, InstanceGroup>;
  volumes: Record<string, Volume>;
  instances: Record<string, Instance>;
}

export type Kind = keyof CloudState;

export function emptyState(): CloudState {
  return {
    sshKeys: {},
    networks: {},
    subnets: {},
    securityGroups: {},
    instanceGroups: {},
    volumes: {},
    instances: {},
  };
}

/** The lab's cloud: what exists in it, and the hosts behind its instances. */
export interface Cloud {
  /** Reads what exists. */
  state(): Promise<CloudState>;
  /**
   * Changes what exists, alone among all processes; when `change` throws, nothing is changed. Keep it short: host
   * creation belongs outside.
   */
  transaction<T>(change: (state: CloudState) => Promise<T> | T): Promise<T>;
  hosts(): Promise<CloudHosts>;
}

/** Names the lab whose cloud the provider serves. Set by lab/cloud/engine.ts for every run of the engine. */
export const labDirectoryVariable = "ES_FAILOVER_LAB";

/** Longest wait for other processes' transactions; each takes well below a second. */
const lockTimeoutMs = 30_000;

/** The cloud of a lab, kept in `cloud.json` in the lab's directory. */
export class LabCloud implements Cloud {
  readonly #directory: string | undefined;
  #lab: Promise<Lab> | undefined;
  /** Transactions of this process queue here; the file lock is between processes. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  #file(name: string): string {
    if (this.#directory === undefined) {
      throw new Error(
        "This is the lab's stand-in for OVHcloud and there is no lab to make anything in: " +
          `${labDirectoryVariable} names none. A preview works without; \`npm run lab -- up\` makes a lab.`,
      );
    }
    return path.join(this.#directory, name);
  }

  hosts(): Promise<Lab> {
    this.#lab ??= Lab.open(path.dirname(this.#file("cloud.json")));
    return this.#lab;
  }

  async state(): Promise<CloudState> {
    try {
      return { ...emptyState(), ...(JSON.parse(await readFile(this.#file("cloud.json"), "utf8")) as CloudState) };
    } catch (error) {
      if (isMissing(error)) return emptyState();
      throw error;
    }
  }

  transaction<T>(change: (state: CloudState) => Promise<T> | T): Promise<T> {
    const run = this.#last.then(() =>
      withLock(this.#file("cloud.lock"), lockTimeoutMs, async () => {
        const state = await this.state();
        const result = await change(state);
        // Public keys and addresses only; but nobody else needs to read it.
        await replaceFile(this.#file("cloud.json"), `${JSON.stringify(state, null, 2)}\n`, 0o600);
        return result;
      }),
    );
    this.#last = run.catch(() => undefined);
    return run;
  }
}
