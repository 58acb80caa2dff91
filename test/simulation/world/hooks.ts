import type { Hooks } from "../../../watchdog/core/ports/hooks.ts";
import type { HookRun } from "../../../watchdog/core/state/hooks.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** How the hooks before closing ended that a watchdog ran last. */
export interface HooksEnd {
  readonly epoch: number;
  readonly refused: boolean;
}

const USUAL_MS = 50;

/** Operators' programs: the same on the host of every watchdog. */
export class SimHooks {
  /** Faults make them slow, or refuse every change. */
  takesMs = USUAL_MS;
  refuses = false;
  readonly #world: World;
  readonly #ends = new WeakMap<Process, HooksEnd>();
  /** Epochs of the openings after which a watchdog has run them. */
  readonly #openings = new WeakMap<Process, Set<number>>();

  constructor(world: World) {
    this.#world = world;
  }

  lastEnd(process: Process): HooksEnd | null {
    return this.#ends.get(process) ?? null;
  }

  port(process: Process): Hooks {
    return {
      run: ({ timeoutMs }, run) => {
        if (run.phase === "after-opening") this.#noteOpening(process, run);
        const isLate = this.takesMs > timeoutMs;
        const delays = { effectMs: Math.min(this.takesMs, timeoutMs), answerMs: 0 };
        return process.call(delays, () => {
          const refused = isLate || this.refuses;
          if (run.phase === "before-closing") this.#ends.set(process, { epoch: run.epoch, refused });
          if (refused)
            throw new Error(isLate ? `/hook did not end within ${timeoutMs} ms` : "/hook ended with status 1");
          return "";
        });
      },
    };
  }

  #noteOpening(process: Process, { epoch }: HookRun): void {
    const epochs = this.#openings.get(process) ?? new Set();
    if (epochs.has(epoch)) this.#world.report("hooks", `a watchdog ran its hooks twice after the opening of ${epoch}`);
    this.#openings.set(process, epochs.add(epoch));
  }
}
