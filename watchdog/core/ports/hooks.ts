import type { HookSettings } from "../../config/hooks.ts";
import type { HookRun } from "../state/hooks.ts";

/** Runs operators' programs on this host. */
export interface Hooks {
  /**
   * @returns the end of what it printed, on one line
   * @throws Error that names the program, how it ended, and the end of what it printed
   */
  run(hook: HookSettings, run: HookRun, signal: AbortSignal): Promise<string>;
}
