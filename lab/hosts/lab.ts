import type {
  CommandOutcome,
  HostAddresses,
  HostSpec,
  HostStatus,
  HostVolume,
  IngressRule,
  LabRegion,
  WanDirection,
  WanSettings,
} from "./types.ts";

export interface LabOptions {
  /**
   * Where the lab keeps everything it has: state, the hosts' disks, keys, logs. It is the lab's identity, too: two labs
   * are two directories. Must be on a file system that overlayfs can write to (ext4, xfs, btrfs; not an overlay).
   */
  readonly directory: string;
  /** Root file system of the hosts; by default the cached Debian 13 root of setup/debian-root.ts, made when missing. */
  readonly rootDirectory?: string;
}

export interface ExecOptions {
  /** What the command reads on its standard input; nothing by default. */
  readonly input?: string;
  /** After this long the command is killed and the call fails. Default 60 s. */
  readonly timeoutMs?: number;
}

export interface SshOptions {
  /** Private key to log in with; by default the lab's own operator key, which every host accepts. */
  readonly identityFile?: string;
  readonly user?: string;
}

const pending = (): never => {
  throw new Error("The lab's hosts are not there yet");
};

/** A lab: three regions of hosts on this machine. All its state is on disk; several processes may use one lab at once. */
export class Lab {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes the networks, the WAN and the package proxy of a new lab. Fails when the directory holds one already. */
  static async create(options: LabOptions): Promise<Lab> {
    return new Lab(options.directory);
  }

  /** Opens a lab that is up. */
  static async open(directory: string): Promise<Lab> {
    return new Lab(directory);
  }

  /** Removes a lab and everything it has on this machine, in whatever state it is; nothing there is no error. */
  static async destroy(_directory: string): Promise<void> {
    pending();
  }

  /** Makes a host, boots it, and returns when it answers SSH (about 2 s). */
  async addHost(_spec: HostSpec): Promise<HostAddresses> {
    return pending();
  }

  /** Powers a host off and deletes its disk. Its volumes are kept. A host that does not exist is no error. */
  async removeHost(_name: string): Promise<void> {
    pending();
  }

  async hosts(): Promise<readonly HostStatus[]> {
    return pending();
  }

  /** Status of one host, undefined when there is none of that name. */
  async host(_name: string): Promise<HostStatus | undefined> {
    return pending();
  }

  /** Power cut: the network ports go down first (no FIN or RST leaves), then every process is killed. */
  async kill(_name: string): Promise<void> {
    pending();
  }

  /** Boots a host that is off, from the disk it had; returns when it answers SSH. */
  async start(_name: string): Promise<void> {
    pending();
  }

  async freeze(_name: string): Promise<void> {
    pending();
  }

  async thaw(_name: string): Promise<void> {
    pending();
  }

  /** Plugs the host's network cables (public and vRack) in or out. */
  async setLink(_name: string, _link: "up" | "down"): Promise<void> {
    pending();
  }

  /** Replaces the accepted inbound flows of a host. */
  async setIngress(_name: string, _ingress: readonly IngressRule[]): Promise<void> {
    pending();
  }

  /** Makes an empty volume. `addHost` and `attachVolume` make a missing one, too. */
  async createVolume(_volume: HostVolume): Promise<void> {
    pending();
  }

  /** Deletes a volume and its data. Refused while it is attached; a missing one is no error. */
  async deleteVolume(_id: string): Promise<void> {
    pending();
  }

  async attachVolume(_host: string, _volume: HostVolume): Promise<void> {
    pending();
  }

  async detachVolume(_host: string, _id: string): Promise<void> {
    pending();
  }

  /** How every direction of the WAN carries packets now. */
  async wan(): Promise<readonly (WanDirection & WanSettings)[]> {
    return pending();
  }

  /** Changes both directions between two regions; what is not named stays as it is. */
  async setWan(_a: LabRegion, _b: LabRegion, _change: Partial<WanSettings>): Promise<void> {
    pending();
  }

  /** Cuts the line between two regions; with `oneWay` only what goes from `from` to `to` is lost. */
  async cut(_from: LabRegion, _to: LabRegion, _options: { readonly oneWay?: boolean } = {}): Promise<void> {
    pending();
  }

  /** Undoes every cut. Delay, jitter and loss stay. */
  async heal(): Promise<void> {
    pending();
  }

  /** From now on serves an apt repository to the hosts at `labAptRepositoryUrl` (lab/hosts/addressing.ts). */
  async serveRepository(_directory: string): Promise<void> {
    pending();
  }

  /** The argv that runs a program in the controller's network, which reaches every host and which no cut reaches. */
  controllerCommand(_argv: readonly string[]): string[] {
    return pending();
  }

  /** The argv that logs in to a host by SSH from the controller's network (and runs `command` there). */
  async sshCommand(_name: string, _command: readonly string[] = [], _options: SshOptions = {}): Promise<string[]> {
    return pending();
  }

  /** Runs a program inside a host as root without SSH: a side door for assertions, closed to no firewall. */
  async exec(_name: string, _argv: readonly string[], _options: ExecOptions = {}): Promise<CommandOutcome> {
    return pending();
  }

  /** OpenSSH known_hosts file with the host keys of every host, by address and by name. */
  get knownHostsFile(): string {
    return pending();
  }

  async destroy(): Promise<void> {
    await Lab.destroy(this.directory);
  }
}
