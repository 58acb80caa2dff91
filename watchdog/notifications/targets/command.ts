import type { TargetOf } from "../../config/notifications.ts";
import { runProgram } from "../../util/run-program.ts";
import { bodyOf } from "./body.ts";
import type { Target } from "./target.ts";

/** A program with the event as JSON on its standard input. It inherits nothing of the watchdog's environment but the path. */
export function commandTarget(settings: TargetOf<"command">): Target {
  const { command, timeoutMs } = settings;
  return {
    settings,
    send: async (event, signal) => {
      const env = { PATH: process.env["PATH"], ES_FAILOVER_EVENT: event.kind, ES_FAILOVER_EVENT_ID: event.id };
      await runProgram({ command: [...command], env, input: bodyOf(event), timeoutMs, signal });
    },
  };
}
