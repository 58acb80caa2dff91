import type { HookSettings } from "../config/hooks.ts";
import type { Hooks } from "../core/ports/hooks.ts";
import type { HookRun } from "../core/state/hooks.ts";
import { runProgram } from "../util/run-program.ts";

/** Programs as child processes of the watchdog. They inherit nothing of its environment but the path. */
export const hookPrograms: Hooks = {
  run: ({ command, timeoutMs }: HookSettings, run, signal) =>
    runProgram({ command: [...command], env: environmentOf(run), timeoutMs, signal }),
};

const environmentOf = ({ phase, change, from, to, active, epoch, reason }: HookRun): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  ES_FAILOVER_PHASE: phase,
  ES_FAILOVER_KIND: change,
  ES_FAILOVER_FROM: from,
  ES_FAILOVER_TO: to,
  ES_FAILOVER_ACTIVE: active,
  ES_FAILOVER_EPOCH: String(epoch),
  ES_FAILOVER_REASON: reason,
});
