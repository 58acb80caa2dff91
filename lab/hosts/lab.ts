import { type CommandOutcome, outcomeOf } from "../util/run.ts";
import { inCgroup } from "./cgroup.ts";
import { type LabContext, locked } from "./context.ts";
import { closeGateway, openGateway } from "./gateway.ts";
import { attachVolume, detachVolume, setIngress } from "./host-changes.ts";
import { controllerNetwork, labLayout, regionNetwork } from "./layout.ts";
import { createLab, type LabOptions, openLab } from "./lifecycle.ts";
import { discardHost, makeHost } from "./make-host.ts";
import { inNetwork } from "./namespaces.ts";
import { setHostLink } from "./network.ts";
import { pointRepositoryAt } from "./packages/package-proxy.ts";
import { cutPower, freezeHost, insideHost, powerOn, powerState, thawHost, waitForSsh } from "./power.ts";
import { knownHostsFile, type SshOptions, sshArgv } from "./ssh.ts";
import {
  addressesOf,
  existingHost,
  type HostRecord,
  reachableAddresses,
  readHostRecord,
  readHostRecords,
} from "./state.ts";
import { tearDown } from "./teardown.ts";
import type { HostAddresses, HostSpec, HostStatus, HostVolume, IngressRule, LabRegion } from "./types.ts";
import { createVolume, deleteVolume } from "./volumes.ts";
import { LabWan } from "./wan/lab-wan.ts";

const EXEC_TIMEOUT_MS = 60_000;

export interface ExecOptions {
  /** Standard input of the command; default: empty. */
  readonly input?: string;
  /** After this time the command is killed and the call rejects. Default 60 s. */
  readonly timeoutMs?: number;
}

/**
 * A lab: three regions of hosts on this machine. All its state is on disk; several processes may use one lab at once.
 * Methods that take a host's name reject when there is no such host, unless they say otherwise.
 */
export class Lab {
  readonly directory: string;
  readonly wan: LabWan;
  readonly #context: LabContext;

  private constructor(context: LabContext) {
    this.directory = context.layout.directory;
    this.wan = new LabWan(context);
    this.#context = context;
  }

  /** Makes the networks, the WAN and the package proxy of a new lab. @throws Error when the directory is in use */
  static async create(options: LabOptions): Promise<Lab> {
    return new Lab(await createLab(options));
  }

  /** Opens a lab that is up. @throws Error with what to do when there is none, or only a part of one */
  static async open(directory: string): Promise<Lab> {
    return new Lab(await openLab(directory));
  }

  /** Removes a lab with everything it has on this machine, in any state; a missing one is no error. */
  static async destroy(directory: string): Promise<void> {
    await tearDown(labLayout(directory));
  }

  async destroy(): Promise<void> {
    await Lab.destroy(this.directory);
  }

  /** Makes a host, boots it, and returns when it accepts SSH (about 2 s). Creates its volumes if missing. */
  async addHost(spec: HostSpec): Promise<HostAddresses> {
    const record = await locked(this.#context, () => makeHost(this.#context, spec));
    try {
      await waitForSsh(this.#context, record);
    } catch (error) {
      // The caller will try again under the same name.
      await this.removeHost(spec.name);
      throw error;
    }
    return addressesOf(record);
  }

  /** Powers a host off and deletes its disk; keeps its volumes. A missing host is no error. */
  async removeHost(name: string): Promise<void> {
    await locked(this.#context, async () => {
      const record = await readHostRecord(this.#context.layout, name);
      if (record !== undefined) await discardHost(this.#context, record);
    });
  }

  async hosts(): Promise<readonly HostStatus[]> {
    const records = await readHostRecords(this.#context.layout);
    return Promise.all(records.map((record) => this.#status(record)));
  }

  /** Status of one host; undefined when there is none of that name. */
  async host(name: string): Promise<HostStatus | undefined> {
    const record = await readHostRecord(this.#context.layout, name);
    return record === undefined ? undefined : this.#status(record);
  }

  /** Power cut: the network ports go down first (no FIN or RST leaves), then every process is killed. */
  async kill(name: string): Promise<void> {
    await locked(this.#context, async () => cutPower(this.#context, await this.#record(name)));
  }

  /** Boots a host that is off, from its disk; returns when it accepts SSH. */
  async start(name: string): Promise<void> {
    const record = await this.#record(name);
    await locked(this.#context, async () => {
      const power = await powerState(this.#context, name);
      if (power !== "off") throw new Error(`Host ${name} is ${power} already.`);
      await powerOn(this.#context, record);
    });
    await waitForSsh(this.#context, record);
  }

  /** Freezes every process of a host. Its kernel still answers ping and accepts connections. */
  async freeze(name: string): Promise<void> {
    await this.#assertOn(name);
    await freezeHost(this.#context, name);
  }

  async thaw(name: string): Promise<void> {
    await this.#assertOn(name);
    await thawHost(this.#context, name);
  }

  /** Plugs a host's network cables (public and vRack) in or out. */
  async setLink(name: string, link: "up" | "down"): Promise<void> {
    await setHostLink(this.#context.layout, await this.#record(name), link);
  }

  /** Replaces the accepted inbound flows of a host. Open connections that no rule accepts any more end at once. */
  async setIngress(name: string, ingress: readonly IngressRule[]): Promise<void> {
    await setIngress(this.#context, name, ingress);
  }

  /** Creates an empty volume. An existing one keeps its data and may grow. */
  async createVolume(volume: HostVolume): Promise<void> {
    await locked(this.#context, () => createVolume(this.#context.layout, volume));
  }

  /** Deletes a volume with its data. A missing one is no error. @throws Error while it is attached */
  async deleteVolume(id: string): Promise<void> {
    await locked(this.#context, () => deleteVolume(this.#context.layout, id));
  }

  /** Attaches a volume to a host, running or not; creates it if missing. */
  async attachVolume(name: string, volume: HostVolume): Promise<void> {
    await attachVolume(this.#context, name, volume);
  }

  /** Detaches a volume, which the host should have unmounted. Keeps its data. */
  async detachVolume(name: string, id: string): Promise<void> {
    await detachVolume(this.#context, name, id);
  }

  /** Opens a region's gateway to the internet at an address of the vRack, for its private hosts. @returns its public address */
  openGateway(region: LabRegion, address: string): Promise<string> {
    return locked(this.#context, () => openGateway(this.#context.layout, region, address));
  }

  async closeGateway(region: LabRegion, address: string): Promise<void> {
    await locked(this.#context, () => closeGateway(this.#context.layout, region, address));
  }

  /** Serves an apt repository to the hosts at `labAptRepositoryUrl` (lab/hosts/addressing.ts). */
  async serveRepository(directory: string): Promise<void> {
    await locked(this.#context, () => pointRepositoryAt(this.#context.layout, directory));
  }

  /**
   * The argv that runs a program in the controller's network, which reaches every host and which no cut affects. The
   * program is a process of the lab: it ends, with its children, when the lab is destroyed.
   */
  controllerCommand(argv: readonly string[]): string[] {
    const { layout, cgroups } = this.#context;
    return inCgroup(cgroups.controller, inNetwork(controllerNetwork(layout), argv));
  }

  /**
   * The argv that logs in to a host by SSH from the controller's network (and runs `command` there); to a private one from its
   * region's router, past the firewall, as the lab's own operator.
   */
  async sshCommand(name: string, command: readonly string[] = [], options: SshOptions = {}): Promise<string[]> {
    const { layout, cgroups } = this.#context;
    const record = await this.#record(name);
    const [address = ""] = reachableAddresses(record);
    const argv = sshArgv(layout, address, command, options);
    if (addressesOf(record).publicIp !== undefined) return this.controllerCommand(argv);
    return inCgroup(cgroups.controller, inNetwork(regionNetwork(layout, record.spec.region), argv));
  }

  /** Runs a program inside a host as root, without SSH and past every firewall, for tests. */
  async exec(name: string, argv: readonly string[], options: ExecOptions = {}): Promise<CommandOutcome> {
    await this.#record(name);
    const [command = "", ...args] = await insideHost(this.#context, name, argv);
    return outcomeOf(command, args, { timeoutMs: EXEC_TIMEOUT_MS, ...options });
  }

  /** OpenSSH known_hosts file with the key of every host, by address and by name. */
  get knownHostsFile(): string {
    return knownHostsFile(this.#context.layout);
  }

  #record(name: string): Promise<HostRecord> {
    return existingHost(this.#context.layout, name);
  }

  async #assertOn(name: string): Promise<void> {
    await this.#record(name);
    if ((await powerState(this.#context, name)) === "off") throw new Error(`Host ${name} is off.`);
  }

  async #status(record: HostRecord): Promise<HostStatus> {
    const { name, region, volumes } = record.spec;
    return { ...addressesOf(record), region, volumes, power: await powerState(this.#context, name) };
  }
}
