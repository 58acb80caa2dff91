import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { TwoRegions } from "../system/two-regions.ts";
import { sayAt } from "./screen.ts";

/** A line of a watchdog's log. */
interface JournalLine {
  readonly time: string;
  readonly watchdog: string;
  readonly msg: string;
  readonly event: string;
  readonly rule?: string;
  /** Of a step. */
  readonly status?: string;
  /** Of which region, and how it is, where the line is about health. */
  readonly region?: string;
  readonly state?: string;
}

const LONGEST_LINE = 150;

/** Shows on the screen what the watchdogs of several hosts do, as they do it. */
export class Journals {
  readonly #system: TwoRegions;
  readonly #stops: (() => void)[] = [];
  /** How each watchdog last said that a region is. */
  readonly #health = new Map<string, string>();

  constructor(system: TwoRegions) {
    this.#system = system;
  }

  /** From now on; a host whose power is cut has to be followed anew when it is back. */
  async follow(hosts: readonly string[]): Promise<void> {
    const since = `@${Math.floor(Date.now() / 1000)}`;
    const command = ["sudo", "journalctl", "-u", "es-failover", "-f", "-o", "cat", "--since", since];
    for (const host of hosts) this.#show(await this.#system.lab.sshCommand(host, command));
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #show([program = "ssh", ...args]: readonly string[]): void {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
    this.#stops.push(() => child.kill());
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = parseLine(text);
      if (line === undefined || this.#isKnown(line)) return;
      sayAt(Date.parse(line.time), `  ${line.watchdog}: ${shortened(line.msg)}`);
    });
  }

  /** A single bad check in between changes nothing. */
  #isKnown({ watchdog, event, region = "", state = "" }: JournalLine): boolean {
    if (event !== "health") return false;
    const about = `${watchdog} ${region}`;
    const before = this.#health.get(about);
    this.#health.set(about, state);
    return before === state;
  }
}

/** The line, if it is one of the story; systemd's own lines stand between the watchdog's. */
export function parseLine(text: string): JournalLine | undefined {
  if (!text.startsWith("{")) return undefined;
  const line = JSON.parse(text) as JournalLine;
  return isTold(line) ? line : undefined;
}

/** All three watchdogs look, and one decides: of the others' lines only those are told that add something. */
function isTold({ event, rule, state, status }: JournalLine): boolean {
  switch (event) {
    case "rule":
      return rule !== "not-leading" && rule !== "steady";
    case "health":
      return state === "unhealthy" || state === "healthy";
    case "step":
      return status !== "running";
    case "replication":
    case "router":
      return true;
    default:
      return false;
  }
}

const shortened = (text: string) => (text.length <= LONGEST_LINE ? text : `${text.slice(0, LONGEST_LINE - 1)}…`);
