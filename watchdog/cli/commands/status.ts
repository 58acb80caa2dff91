import { askControlSocket, WatchdogNotRunning } from "../../adapters/control-socket.ts";
import { readStore } from "../../app/store.ts";
import { parseConfigFile } from "../../config/load.ts";
import type { StatusAnswer } from "../../controller/control-api.ts";
import type { RuleExplanation } from "../../core/rules/explain.ts";
import { exitCodes } from "../exit-codes.ts";
import { applicationsSection } from "../output/applications.ts";
import { formatExplanation, formatStatus, formatStoredRecord } from "../output/status.ts";

export interface ShowOptions {
  readonly json: boolean;
  readonly print: (text: string) => void;
}

/** Shows what the running watchdog knows or, when none is running, what its store says. Returns the exit code. */
export async function showStatus(configFile: string, { json, print }: ShowOptions): Promise<number> {
  const config = await parseConfigFile(configFile);
  try {
    const status = (await askControlSocket(config.controlSocket, "GET /status")) as StatusAnswer;
    const parts = [formatStatus(status), applicationsSection(status.applications, status.nowMs)];
    print(json ? JSON.stringify(status, null, 2) : parts.filter((part) => part !== "").join("\n\n"));
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof WatchdogNotRunning)) throw error;
    const stored = await readStore(config, (store) => store.read());
    const record = stored?.record ?? null;
    if (json) print(JSON.stringify({ running: false, record }, null, 2));
    else
      print(
        `The watchdog is not running (${error.message}).\nIts store says:\n\n${formatStoredRecord(record, Date.now())}`,
      );
    return exitCodes.notRunning;
  }
}

/** Shows every rule: which one decides, and what stands in the way of the others. Returns the exit code. */
export async function showExplanation(configFile: string, { json, print }: ShowOptions): Promise<number> {
  const config = await parseConfigFile(configFile);
  const explanation = (await askControlSocket(config.controlSocket, "GET /explain")) as readonly RuleExplanation[];
  print(json ? JSON.stringify(explanation, null, 2) : formatExplanation(explanation));
  return exitCodes.ok;
}
