import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import type { PlanKind, StepKind } from "../../../watchdog/core/state/plan.ts";

export interface Killed {
  readonly step: StepKind;
  /** Whose watchdog carried the step out. */
  readonly host: string;
}

/** A line of a watchdog's journal, as far as it is of interest here. */
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

/** What kills on one host: a shell that waits, so that a kill takes no longer than a line to it. */
interface Post {
  readonly host: string;
  readonly journal: ChildProcess;
  readonly shell: ChildProcess;
  killedAtMs: number;
}

/**
 * Lies in wait on every watchdog's host: whoever says in its journal that a wanted step of a plan runs is killed at once,
 * by SIGKILL, the first time that the step is seen. It stays away until another one has taken over: else it may be the
 * quickest itself to decide again, once it is back and its own lease has ended.
 */
export class DeciderKillers {
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
  static async arm(system: TwoRegions, plan: PlanKind, steps: readonly StepKind[]): Promise<DeciderKillers> {
    const killers = new DeciderKillers(plan, steps);
    for (const host of await system.hosts.withWatchdog()) await killers.#takePost(system, host);
    return killers;
  }

  /** Starts whoever is still away, and returns once nobody is. */
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
    // The line that was there before: from now on nothing is missed.
    await new Promise((resolve) => lines.once("line", resolve));
  }

  #heard(post: Post, text: string): void {
    if (!text.startsWith("{")) return;
    const { time, event, step, status, msg } = JSON.parse(text) as StepLine;
    // What a watchdog said before it was killed is no longer about a watchdog that lives.
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
