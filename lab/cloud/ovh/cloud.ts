import { readFile } from "node:fs/promises";
import path from "node:path";
import { withFileLock } from "../../../watchdog/util/file-lock.ts";
import { writeFileAtomically } from "../../../watchdog/util/files.ts";
import { Lab } from "../../hosts/lab.ts";
import type { HostAddresses, HostSpec, HostStatus, HostVolume, IngressRule, LabRegion } from "../../hosts/types.ts";
import { isMissing } from "../../util/files.ts";
import { type CloudState, emptyState } from "./state.ts";

/** Effects of the cloud on the lab. Everything else in the cloud is a record. */
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
  openGateway(region: LabRegion, address: string): Promise<string>;
  closeGateway(region: LabRegion, address: string): Promise<void>;
}

/** The lab's cloud: its resources, and the hosts behind its instances. */
export interface Cloud {
  /** The present resources. */
  state(): Promise<CloudState>;
  /**
   * Changes the resources under a lock that also excludes other processes; when `change` throws, nothing changes. Keep
   * `change` short: make hosts outside.
   */
  transaction<T>(change: (state: CloudState) => Promise<T> | T): Promise<T>;
  hosts(): Promise<CloudHosts>;
}

/** Environment variable with the directory of the provider's lab; lab/cloud/engine.ts sets it for each engine run. */
export const labDirectoryVariable = "ES_FAILOVER_LAB";

/** Longest wait for other processes' transactions; each takes well below a second. */
const LOCK_TIMEOUT_MS = 30_000;

/** The cloud of a lab, kept in `cloud.json` in the lab's directory. */
export class LabCloud implements Cloud {
  readonly #directory: string | undefined;
  #lab: Promise<Lab> | undefined;

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
    // Without a lab nothing exists, which is enough for a preview.
    if (this.#directory === undefined) return emptyState();
    try {
      return { ...emptyState(), ...(JSON.parse(await readFile(this.#file("cloud.json"), "utf8")) as CloudState) };
    } catch (error) {
      if (isMissing(error)) return emptyState();
      throw error;
    }
  }

  async transaction<T>(change: (state: CloudState) => Promise<T> | T): Promise<T> {
    const run = async () => {
      const state = await this.state();
      const result = await change(state);
      const text = `${JSON.stringify(state, null, 2)}\n`;
      await writeFileAtomically(this.#file("cloud.json"), text, { mode: 0o600, durable: false });
      return result;
    };
    return withFileLock(this.#file("cloud.lock"), run, LOCK_TIMEOUT_MS);
  }
}
