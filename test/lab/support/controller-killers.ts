import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import type { PlanKind, StepKind } from "../../../watchdog/core/state/plan.ts";

export interface Killed {
  readonly step: StepKind;
  /** Host of the controller that ran the step. */
  readonly host: string;
}

/** The fields of a line in a watchdog's journal that matter here. */
interface StepLine {
  readonly time: string;
  readonly event?: string;
  readonly step?: StepKind;
  readonly status?: string;
  /** Begins with the kind of the plan. */
  readonly msg: string;
}

const KILL = "systemctl kill --signal=KILL es-failover; systemctl stop es-failover\n";
const START = "systemctl start es-failover\n";

/** A waiting shell on one host, so that a kill costs no more than a line to it. */
interface Post {
  readonly host: string;
  readonly journal: ChildProcess;
  readonly shell: ChildProcess;
  killedAtMs: number;
}

/**
 * Kills a watchdog by SIGKILL as soon as its journal reports a wanted step of a plan as running, the first time that this
 * step is reported. The watchdog stays away until another one has taken over: otherwise it might be the first to lead
 * again once its own lease has expired.
 */
export class ControllerKillers {
  readonly killed: Killed[] = [];
  readonly #plan: PlanKind;
  readonly #wanted: ReadonlySet<StepKind>;
  readonly #posts: Post[] = [];
  #away: Post | null = null;

  private constructor(plan: PlanKind, wanted: readonly StepKind[]) {
    this.#plan = plan;
    this.#wanted = new Set(wanted);
  }

  /** On every watchdog's host. */
  static async arm(system: TwoRegions, plan: PlanKind, steps: readonly StepKind[]): Promise<ControllerKillers> {
    const killers = new ControllerKillers(plan, steps);
    for (const host of await system.hosts.withWatchdog()) await killers.#takePost(system, host);
    return killers;
  }

  /** Starts the watchdogs that are still away, and returns once all run. */
  async disarm(): Promise<void> {
    const posts = this.#posts.splice(0);
    for (const { journal } of posts) journal.kill();
    await Promise.all(
      posts.map(async ({ shell }) => {
        const ended = shell.exitCode === null ? once(shell, "exit") : null;
        shell.stdin?.end(START);
        await ended;
      }),
    );
  }

  async #takePost(system: TwoRegions, host: string): Promise<void> {
    const follow = ["sudo", "journalctl", "-u", "es-failover", "-f", "-o", "cat", "-n", "1"];
    const journal = start(await system.lab.sshCommand(host, follow));
    const shell = start(await system.lab.sshCommand(host, ["sudo", "sh"]));
    const post: Post = { host, journal, shell, killedAtMs: Date.now() };
    this.#posts.push(post);
    const lines = createInterface({ input: journal.stdout ?? process.stdin });
    lines.on("line", (line) => this.#heard(post, line));
    // The line that `-n 1` repeats: from now on every line is read.
    await new Promise((resolve) => lines.once("line", resolve));
  }

  #heard(post: Post, text: string): void {
    if (!text.startsWith("{")) return;
    const { time, event, step, status, msg } = JSON.parse(text) as StepLine;
    // Lines from before a kill are not about the watchdog that runs now.
    if (event !== "step" || step === undefined || status !== "running" || Date.parse(time) <= post.killedAtMs) return;
    if (!msg.startsWith(`${this.#plan}:`)) return;
    if (this.#away !== null && this.#away !== post) {
      this.#away.shell.stdin?.write(START);
      this.#away = null;
    }
    if (!this.#wanted.has(step) || this.killed.some((before) => before.step === step)) return;
    post.killedAtMs = Date.now();
    this.killed.push({ step, host: post.host });
    post.shell.stdin?.write(KILL);
    this.#away = post;
  }
}

function start([program = "ssh", ...args]: readonly string[]): ChildProcess {
  return spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
}
