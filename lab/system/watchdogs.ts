import { setTimeout as sleep } from "node:timers/promises";
import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { messageOf } from "../../watchdog/util/errors.ts";
import type { Lab } from "../hosts/lab.ts";
import { journalOf, summaryOf } from "./diagnosis.ts";
import type { SystemHosts } from "./hosts.ts";

/** Longer than any healthy run takes, so that only a defect reaches it. */
const PATIENCE_MS = 180_000;
const POLL_MS = 250;

/** As the watchdog's configuration has it by default. */
const controlSocket = "/run/es-failover/control.sock";

/** The watchdogs of all sites, by what they report. */
export class Watchdogs {
  readonly #lab: Lab;
  readonly #hosts: SystemHosts;

  constructor(lab: Lab, hosts: SystemHosts) {
    this.#lab = lab;
    this.#hosts = hosts;
  }

  /** `es-failover status --json` on a watchdog's host; default: the router's in bhs. */
  async status(host?: string): Promise<WatchdogStatus> {
    const command = ["sudo", "es-failover", "status", "--json"];
    const { stdout } = await this.#hosts.ssh(host ?? (await this.#hosts.router()), command);
    return JSON.parse(stdout) as WatchdogStatus;
  }

  /** The same status from the watchdog's socket: without SSH and the command a poll costs a tenth of the processor time. */
  async #currentStatus(host: string): Promise<WatchdogStatus> {
    const call = ["curl", "--silent", "--show-error", "--fail", "--max-time", "10", "--unix-socket", controlSocket];
    const { exitCode, stdout, stderr } = await this.#lab.exec(host, [...call, "http://localhost/status"]);
    if (exitCode !== 0) throw new Error(`${host}: the watchdog gives no status: ${stderr.trim()}`);
    return JSON.parse(stdout) as WatchdogStatus;
  }

  /**
   * Waits until the status of a watchdog (default: the router's in bhs) satisfies `condition`.
   * @throws Error with the last status that did not, and with the state of every watchdog
   */
  async until(
    what: string,
    condition: (status: WatchdogStatus) => boolean,
    patienceMs: number = PATIENCE_MS,
    host?: string,
  ): Promise<WatchdogStatus> {
    const at = host ?? (await this.#hosts.router());
    const deadlineMs = Date.now() + patienceMs;
    let last = "no status yet";
    while (Date.now() < deadlineMs) {
      try {
        const status = await this.#currentStatus(at);
        if (condition(status)) return status;
        last = `${status.summary} ${JSON.stringify(status.replication)}`;
      } catch (error) {
        last = messageOf(error);
      }
      await sleep(POLL_MS);
    }
    throw new Error(`not within ${patienceMs / 1000} s: ${what}; last: ${last}\n${await this.describe()}`);
  }

  untilInSync(): Promise<WatchdogStatus> {
    return this.until(
      "the standby is in sync",
      ({ record, replication }) =>
        record?.phase === "serving" && record.standby === "in-sync" && replication?.inSync === true,
    );
  }

  /** State of every watchdog and the end of its journal, for the report of a failure. */
  async describe(): Promise<string> {
    const hosts = await this.#hosts.withWatchdog().catch(() => []);
    return (await Promise.all(hosts.map((host) => this.#describe(host)))).join("\n");
  }

  async #describe(host: string): Promise<string> {
    const [state, journal] = await Promise.all([this.#state(host), journalOf(this.#lab, host)]);
    return [`--- ${host}: ${state}`, ...journal.map((line) => `      ${line}`)].join("\n");
  }

  async #state(host: string): Promise<string> {
    try {
      return summaryOf(await this.status(host));
    } catch (error) {
      const power = (await this.#lab.host(host))?.power;
      return power === "running" ? `no status: ${messageOf(error)}` : `the host is ${power}`;
    }
  }
}
