import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { type Command, Option } from "commander";
import { askControlSocket, WatchdogNotRunning } from "../../adapters/control-socket/client.ts";
import { readStore } from "../../app/store.ts";
import { parseConfigFile } from "../../config/load.ts";
import { controlApi, type StatusAnswer } from "../../controller/control-api/api.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonOption, wholeNumber } from "../options.ts";
import { applicationsSection } from "../output/applications.ts";
import { formatStatus, formatStoredRecord } from "../output/status.ts";

interface StatusOptions {
  readonly json: boolean;
  /** Seconds between two looks; absent: one look. */
  readonly watch?: number;
}

/** Seconds: a change shows step by step, and a watchdog is asked no more often than its loops run. */
const WATCH_DEFAULT_S = 1;

/** Moves to the top of the terminal and clears it. */
const CLEAR = "\u001b[H\u001b[2J";

export function addStatus(program: Command, context: CommandContext): void {
  program
    .command("status")
    .description("show regions, replication, routing and what the watchdog is doing")
    .addOption(
      new Option("--watch [seconds]", "show it again and again, until Ctrl-C")
        .argParser(wholeNumber(1, 3_600))
        .preset(String(WATCH_DEFAULT_S))
        .conflicts("json"),
    )
    .addOption(jsonOption())
    .action(({ json, watch }: StatusOptions) =>
      watch === undefined ? showStatus(context, json) : watchStatus(context, watch * 1_000),
    );
}

/** Shows the running watchdog's status; without a running watchdog, the state document in its store. */
async function showStatus({ configFile, print, finish }: CommandContext, json: boolean): Promise<void> {
  const config = await parseConfigFile(configFile());
  try {
    const status = await askControlSocket(config.controlSocket, controlApi.status, {});
    print(json ? JSON.stringify(status, null, 2) : textOf(status));
  } catch (error) {
    if (!(error instanceof WatchdogNotRunning)) throw error;
    const record = (await readStore(config, (store) => store.read()))?.record ?? null;
    if (json) print(JSON.stringify({ running: false, record }, null, 2));
    else {
      const stored = formatStoredRecord(record, Date.now());
      print(`The watchdog is not running (${error.message}).\nIts store contains:\n\n${stored}`);
    }
    finish(exitCodes.notRunning);
  }
}

/** Until the process is ended. A watchdog that is restarted meanwhile is waited for. */
async function watchStatus({ configFile, print }: CommandContext, intervalMs: number): Promise<never> {
  const config = await parseConfigFile(configFile());
  for (;;) {
    const text = await askControlSocket(config.controlSocket, controlApi.status, {}).then(textOf, (error: unknown) => {
      if (error instanceof WatchdogNotRunning) return `The watchdog is not running (${error.message}).`;
      throw error;
    });
    print(process.stdout.isTTY ? `${CLEAR}${text}` : `${text}\n`);
    await delay(intervalMs);
  }
}

function textOf(status: StatusAnswer): string {
  const parts = [formatStatus(status, status.readiness), applicationsSection(status.applications, status.nowMs)];
  return parts.filter((part) => part !== "").join("\n\n");
}
