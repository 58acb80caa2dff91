import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { z } from "zod";
import type { TwoRegions } from "../system/two-regions.ts";
import { sayAt } from "./screen.ts";

/** A line of a watchdog's log, as far as it is shown. */
const lineSchema = z.object({
  time: z.string(),
  watchdog: z.string(),
  msg: z.string(),
  event: z.string().optional(),
  rule: z.string().optional(),
  /** Status of a step. */
  status: z.string().optional(),
  /** The region and its health, in lines about health. */
  region: z.string().optional(),
  state: z.string().optional(),
});
type JournalLine = z.infer<typeof lineSchema>;

const MESSAGE_LENGTH_MAX = 150;

/** Shows on the screen what the watchdogs of several hosts log, as it happens. */
export class Journals {
  readonly #system: TwoRegions;
  readonly #stops: (() => void)[] = [];
  /** The last health of a region that each watchdog logged. */
  readonly #health = new Map<string, string>();

  constructor(system: TwoRegions) {
    this.#system = system;
  }

  /** Shows lines from now on, until the host loses power. */
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
      if (line === undefined || this.#repeatsHealth(line)) return;
      sayAt(Date.parse(line.time), `  ${line.watchdog}: ${shortened(line.msg)}`);
    });
  }

  /** A failed check between two good ones logs the same health twice. */
  #repeatsHealth({ watchdog, event, region = "", state = "" }: JournalLine): boolean {
    if (event !== "health") return false;
    const key = `${watchdog} ${region}`;
    const before = this.#health.get(key);
    this.#health.set(key, state);
    return before === state;
  }
}

/** The line where the demo shows it. systemd writes plain text into the same journal. */
export function parseLine(text: string): JournalLine | undefined {
  if (!text.startsWith("{")) return undefined;
  const line = lineSchema.safeParse(JSON.parse(text));
  return line.success && isShown(line.data) ? line.data : undefined;
}

/** Every watchdog observes and one decides: of the others only lines that add something are shown. */
function isShown({ event, rule, state, status }: JournalLine): boolean {
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

const shortened = (text: string) =>
  text.length <= MESSAGE_LENGTH_MAX ? text : `${text.slice(0, MESSAGE_LENGTH_MAX - 1)}…`;
