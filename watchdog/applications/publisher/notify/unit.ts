import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { NotifySettings } from "../../../config/published-files.ts";
import { reasonOf } from "../../../util/files.ts";
import { hangUp } from "../process.ts";
import type { NotifyResult } from "./result.ts";

type UnitSettings = Extract<NotifySettings, { kind: "unit" }>;

const run = promisify(execFile);

/** `systemctl reload` or `restart`, or SIGHUP to the unit's main process. Waits for a unit that is not running. */
export async function reloadUnit({ unit, action, timeoutMs }: UnitSettings): Promise<NotifyResult> {
  const systemctl = async (...args: readonly string[]): Promise<string> => {
    try {
      return (await run("systemctl", args, { timeout: timeoutMs, env: { ...process.env, LC_ALL: "C" } })).stdout;
    } catch (error) {
      throw new Error(`systemctl ${args[0]} ${unit}: ${reasonOfFailure(error, timeoutMs)}`, { cause: error });
    }
  };
  const shown = await systemctl("show", unit, "--property=LoadState,ActiveState,CanReload,MainPID,Type");
  const property = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(shown)?.[1] ?? "";
  if (property("LoadState") === "not-found") throw new Error(`${unit}: this host has no such unit`);
  const state = property("ActiveState");
  if (!["active", "reloading"].includes(state))
    return { notified: false, waitingFor: `${unit} is ${state}, not running` };
  switch (action) {
    case "kill": {
      const pid = Number(property("MainPID"));
      if (!(pid > 1)) throw new Error(`${unit} has no main process to signal`);
      await hangUp(pid, unit, () => null);
      return { notified: true, confirmed: false };
    }
    case "reload":
      if (property("CanReload") !== "yes") {
        throw new Error(
          `${unit} cannot be reloaded: it has no ExecReload=; use action "kill" if it handles SIGHUP, or "restart"`,
        );
      }
      await systemctl("reload", unit);
      // Such a service reports the end of its reload itself, and systemctl waits for that.
      return { notified: true, confirmed: property("Type") === "notify-reload" };
    case "restart":
      await systemctl("restart", unit);
      return { notified: true, confirmed: true };
    default:
      throw new Error(`unknown action: ${JSON.stringify(action satisfies never)}`);
  }
}

/** Node adds `killed` and `stderr` to the error of a child process. */
function reasonOfFailure(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return reasonOf(error);
  if ("killed" in error && error.killed === true) return `did not end within ${timeoutMs} ms`;
  const stderr = "stderr" in error && typeof error.stderr === "string" ? error.stderr.trim() : "";
  return stderr === "" ? reasonOf(error) : stderr;
}
