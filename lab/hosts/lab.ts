import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { hostRootDirectory } from "../machine/debian-root.ts";
import { type CommandOutcome, outcomeOf } from "../util/run.ts";
import { createCgroup, inCgroup, labCgroups } from "./cgroup.ts";
import type { LabContext } from "./context.ts";
import { applyFirewall, ingressFault } from "./firewall.ts";
import { applyRecords, discardHost, makeHost, plugVolume, specFault, unplugVolume } from "./hosts.ts";
import type { LabLayout } from "./layout.ts";
import { controllerNetwork, hostLayout, labLayout, regionNetwork } from "./layout.ts";
import { withLock } from "./lock.ts";
import { inNetwork, mountPointsUnder } from "./namespaces.ts";
import { connectRegions, createNetworks, setHostLink } from "./network.ts";
import { pointRepositoryAt, startPackageProxy } from "./packages/package-proxy.ts";
import { cutPower, freezeHost, insideHost, powerOn, powerState, thawHost, waitForSsh } from "./power.ts";
import type { SshOptions } from "./ssh.ts";
import { createOperatorKey, knownHostsFile, sshArgv } from "./ssh.ts";
import type { HostRecord } from "./state.ts";
import {
  addressesOf,
  readHostRecord,
  readHostRecords,
  readLabRecord,
  writeHostRecord,
  writeLabRecord,
} from "./state.ts";
import { tearDown } from "./teardown.ts";
import type { HostAddresses, HostSpec, HostStatus, HostVolume, IngressRule, LabRegion, WanSettings } from "./types.ts";
import { labRegions } from "./types.ts";
import { createVolume, deleteVolume } from "./volumes.ts";
import type { WanLine } from "./wan/wan.ts";
import { applyWan, changeDirection, readWan, startWan } from "./wan/wan.ts";

export type { SshOptions } from "./ssh.ts";
export type { WanLine } from "./wan/wan.ts";

export interface LabOptions {
  /**
   * Where the lab keeps everything it has: state, the hosts' disks, keys, logs. It is the lab's identity, too: two labs
   * are two directories. Must be on a file system that overlayfs can write to (ext4, xfs, btrfs; not an overlay).
   */
  readonly directory: string;
  /** Root file system of the hosts; by default the cached Debian 13 root of lab/machine/debian-root.ts, made when missing. */
  readonly rootDirectory?: string;
}

export interface ExecOptions {
  /** What the command reads on its standard input; nothing by default. */
  readonly input?: string;
  /** After this long the command is killed and the call fails. Default 60 s. */
  readonly timeoutMs?: number;
}

/** Making a host takes the lock for less than a second, on a machine that ten new hosts keep busy for several. */
const lockTimeoutMs = 120_000;

/** A lab: three regions of hosts on this machine. All its state is on disk; several processes may use one lab at once. */
export class Lab {
  readonly directory: string;
  readonly #context: LabContext;

  private constructor(context: LabContext) {
    this.directory = context.layout.directory;
    this.#context = context;
  }

  /** Makes the networks, the WAN and the package proxy of a new lab. Fails when the directory holds one already. */
  static async create(options: LabOptions): Promise<Lab> {
    const layout = labLayout(options.directory);
    if (/[\s:,"\\]/.test(layout.directory)) {
      throw new Error(`${layout.directory}: a lab's directory has no blanks, colons, commas or quotes in its name.`);
    }
    const rootDirectory = options.rootDirectory ?? (await hostRootDirectory());
    await claimDirectory(layout, rootDirectory);
    const context = { layout, rootDirectory, cgroups: await labCgroups(layout.cgroupName) };
    try {
      for (const part of [layout.networks, layout.hosts, layout.volumes, layout.wan, layout.logs]) await mkdir(part);
      await createCgroup(context.cgroups.controller);
      await createOperatorKey(layout);
      await createNetworks(layout);
      for (const region of labRegions) await applyFirewall(layout, region, []);
      await startWan(layout, context.cgroups);
      await connectRegions(layout);
      await startPackageProxy(layout, context.cgroups);
      await writeLabRecord(layout, { version: 1, rootDirectory, complete: true });
    } catch (error) {
      await tearDown(layout);
      throw error;
    }
    return new Lab(context);
  }

  /** Opens a lab that is up. Fails, and says what to do, when there is none or only the remains of one. */
  static async open(directory: string): Promise<Lab> {
    const layout = labLayout(directory);
    const record = await readLabRecord(layout);
    if (record === undefined) throw new Error(`There is no lab in ${layout.directory}.`);
    const alive = (await mountPointsUnder(regionNetwork(layout, "gra"))).length > 0;
    if (!record.complete || !alive) {
      throw new Error(
        `The lab in ${layout.directory} is not whole (its making was interrupted, or the machine was restarted): ` +
          "take it down and make it anew.",
      );
    }
    const { rootDirectory } = record;
    return new Lab({ layout, rootDirectory, cgroups: await labCgroups(layout.cgroupName) });
  }

  /** Removes a lab and everything it has on this machine, in whatever state it is; nothing there is no error. */
  static async destroy(directory: string): Promise<void> {
    await tearDown(labLayout(directory));
  }

  /** Makes a host, boots it, and returns when it lets users in by SSH (about 2 s). Its volumes are made when missing. */
  async addHost(spec: HostSpec): Promise<HostAddresses> {
    const record = await this.#locked(() => makeHost(this.#context, spec));
    try {
      await waitForSsh(this.#context, record);
    } catch (error) {
      // Whoever asked for a host that did not come up will ask again: its name must be free then.
      await this.removeHost(spec.name);
      throw error;
    }
    return addressesOf(record);
  }

  /** Powers a host off and deletes its disk. Its volumes are kept. A host that does not exist is no error. */
  async removeHost(name: string): Promise<void> {
    await this.#locked(async () => {
      const record = await readHostRecord(this.#context.layout, name);
      if (record !== undefined) await discardHost(this.#context, record);
    });
  }

  async hosts(): Promise<readonly HostStatus[]> {
    const records = await readHostRecords(this.#context.layout);
    return Promise.all(records.map((record) => this.#status(record)));
  }

  /** Status of one host, undefined when there is none of that name. */
  async host(name: string): Promise<HostStatus | undefined> {
    const record = await readHostRecord(this.#context.layout, name);
    return record === undefined ? undefined : this.#status(record);
  }

  /** Power cut: the network ports go down first (no FIN or RST leaves), then every process is killed. */
  async kill(name: string): Promise<void> {
    await this.#locked(async () => cutPower(this.#context, await this.#record(name)));
  }

  /** Boots a host that is off, from the disk it had; returns when it lets users in by SSH. */
  async start(name: string): Promise<void> {
    const record = await this.#record(name);
    await this.#locked(async () => {
      const power = await powerState(this.#context, name);
      if (power !== "off") throw new Error(`Host ${name} is ${power} already.`);
      await powerOn(this.#context, record);
    });
    await waitForSsh(this.#context, record);
  }

  /** Stops every process of a host where it is. Its network stack lives on: it answers ping, and takes connections. */
  async freeze(name: string): Promise<void> {
    await this.#running(name);
    await freezeHost(this.#context, name);
  }

  async thaw(name: string): Promise<void> {
    await this.#running(name);
    await thawHost(this.#context, name);
  }

  /** Plugs the host's network cables (public and vRack) in or out. */
  async setLink(name: string, link: "up" | "down"): Promise<void> {
    await setHostLink(this.#context.layout, await this.#record(name), link);
  }

  /** Replaces the accepted inbound flows of a host. What is no longer let in ends at once, open connections too. */
  async setIngress(name: string, ingress: readonly IngressRule[]): Promise<void> {
    const fault = ingressFault(ingress);
    if (fault !== undefined) throw new Error(`Host ${name}: ${fault}.`);
    await this.#changeSpec(name, (spec) => ({ ...spec, ingress }));
  }

  /** Makes an empty volume. One that is there keeps its data and may grow. */
  async createVolume(volume: HostVolume): Promise<void> {
    await this.#locked(() => createVolume(this.#context.layout, volume));
  }

  /** Deletes a volume and its data. Refused while it is attached; a missing one is no error. */
  async deleteVolume(id: string): Promise<void> {
    await this.#locked(() => deleteVolume(this.#context.layout, id));
  }

  /** Attaches a volume to a host, running or not. It is made when it is missing. */
  async attachVolume(name: string, volume: HostVolume): Promise<void> {
    await this.#changeSpec(name, async (spec, others) => {
      if (spec.volumes.some((other) => other.id === volume.id)) return spec;
      const volumes = [...spec.volumes, volume];
      const fault = specFault({ ...spec, volumes }, others);
      if (fault !== undefined) throw new Error(`Host ${name}: ${fault}.`);
      const { device, number, link } = await plugVolume(this.#context, name, volume);
      const appear = "mknod -m 660 /dev/$0 b $1 $2 && ln -sf ../../$0 /dev/disk/by-id/$3";
      await this.#whileRunning(name, ["sh", "-c", appear, device, ...number.split(":"), link]);
      return { ...spec, volumes };
    });
  }

  /** Detaches a volume, which a host should have unmounted before. Its data stays. */
  async detachVolume(name: string, id: string): Promise<void> {
    await this.#changeSpec(name, async (spec) => {
      const gone = await unplugVolume(this.#context, name, id);
      if (gone !== undefined) {
        await this.#whileRunning(name, ["rm", "-f", `/dev/${gone.device}`, `/dev/disk/by-id/${gone.link}`]);
      }
      return { ...spec, volumes: spec.volumes.filter((volume) => volume.id !== id) };
    });
  }

  /** How every direction of the WAN carries packets now. */
  async wan(): Promise<readonly WanLine[]> {
    return readWan(this.#context.layout);
  }

  /** Changes both directions between two regions; what is not named stays as it is. In force when it returns. */
  async setWan(a: LabRegion, b: LabRegion, change: Partial<WanSettings>): Promise<void> {
    await this.#changeWan((lines) => {
      const there = changeDirection(lines, { from: a, to: b }, change);
      return changeDirection(there, { from: b, to: a }, change);
    });
  }

  /** Cuts the line between two regions; with `oneWay` only what goes from `from` to `to` is lost. */
  async cut(from: LabRegion, to: LabRegion, options: { readonly oneWay?: boolean } = {}): Promise<void> {
    if (options.oneWay !== true) return this.setWan(from, to, { cut: true });
    await this.#changeWan((lines) => changeDirection(lines, { from, to }, { cut: true }));
  }

  /** Undoes every cut. Delay, jitter and loss stay. */
  async heal(): Promise<void> {
    await this.#changeWan((lines) => lines.map((line) => ({ ...line, cut: false })));
  }

  /** From now on serves an apt repository to the hosts at `labAptRepositoryUrl` (lab/hosts/addressing.ts). */
  async serveRepository(directory: string): Promise<void> {
    await this.#locked(() => pointRepositoryAt(this.#context.layout, directory));
  }

  /**
   * The argv that runs a program in the controller's network, which reaches every host and which no cut reaches. The
   * program becomes one of the lab's processes: it ends, with its children, when the lab is destroyed.
   */
  controllerCommand(argv: readonly string[]): string[] {
    const { layout, cgroups } = this.#context;
    return inCgroup(cgroups.controller, inNetwork(controllerNetwork(layout), argv));
  }

  /** The argv that logs in to a host by SSH from the controller's network (and runs `command` there). */
  async sshCommand(name: string, command: readonly string[] = [], options: SshOptions = {}): Promise<string[]> {
    const { publicIp } = await this.#record(name);
    return this.controllerCommand(sshArgv(this.#context.layout, publicIp, command, options));
  }

  /** Runs a program inside a host as root without SSH: a side door for assertions, closed to no firewall. */
  async exec(name: string, argv: readonly string[], options: ExecOptions = {}): Promise<CommandOutcome> {
    await this.#record(name);
    const [command = "", ...args] = await insideHost(this.#context, name, argv);
    return outcomeOf(command, args, { timeoutMs: 60_000, ...options });
  }

  /** OpenSSH known_hosts file with the host keys of every host, by address and by name. */
  get knownHostsFile(): string {
    return knownHostsFile(this.#context.layout);
  }

  async destroy(): Promise<void> {
    await Lab.destroy(this.directory);
  }

  #locked<T>(action: () => Promise<T>): Promise<T> {
    return withLock(this.#context.layout.lock, lockTimeoutMs, action);
  }

  async #record(name: string): Promise<HostRecord> {
    const record = await readHostRecord(this.#context.layout, name);
    if (record !== undefined) return record;
    const names = (await readHostRecords(this.#context.layout)).map(({ spec }) => spec.name);
    throw new Error(`The lab has no host "${name}". There are: ${names.join(", ") || "none"}.`);
  }

  async #running(name: string): Promise<void> {
    await this.#record(name);
    if ((await powerState(this.#context, name)) === "off") throw new Error(`Host ${name} is off.`);
  }

  async #status(record: HostRecord): Promise<HostStatus> {
    const { name, region, volumes } = record.spec;
    return { ...addressesOf(record), region, volumes, power: await powerState(this.#context, name) };
  }

  async #changeSpec(
    name: string,
    change: (spec: HostSpec, others: readonly HostSpec[]) => HostSpec | Promise<HostSpec>,
  ): Promise<void> {
    const { layout } = this.#context;
    await this.#locked(async () => {
      const record = await this.#record(name);
      const others = (await readHostRecords(layout)).map((other) => other.spec).filter((other) => other.name !== name);
      const spec = await change(record.spec, others);
      await writeHostRecord(hostLayout(layout, name), { ...record, spec });
      await applyRecords(this.#context, spec.region);
    });
  }

  async #changeWan(change: (lines: readonly WanLine[]) => readonly WanLine[]): Promise<void> {
    const { layout, cgroups } = this.#context;
    await this.#locked(async () => applyWan(layout, cgroups, change(await readWan(layout))));
  }

  /** Runs a command in a host, unless it is off: then its next boot sees to it. */
  async #whileRunning(name: string, argv: readonly string[]): Promise<void> {
    if ((await powerState(this.#context, name)) === "off") return;
    const { exitCode, stderr } = await this.exec(name, argv);
    if (exitCode !== 0) throw new Error(`Host ${name}: ${argv.join(" ")} failed: ${stderr.trim()}`);
  }
}

/** Makes a directory the lab's own: from here on `destroy` may remove it. */
async function claimDirectory(layout: LabLayout, rootDirectory: string): Promise<void> {
  await mkdir(layout.directory, { recursive: true });
  if (existsSync(layout.marker)) {
    throw new Error(`There is a lab in ${layout.directory} already: use it, or take it down first.`);
  }
  if ((await readdir(layout.directory)).length > 0) {
    throw new Error(`${layout.directory} holds other files: a lab wants a directory of its own.`);
  }
  await writeLabRecord(layout, { version: 1, rootDirectory, complete: false });
}
