import type { Command } from "commander";
import { askControlSocket } from "../../adapters/control-socket/client.ts";
import { loadConfig } from "../../config/load.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonOption, wholeNumber } from "../options.ts";
import { formatChecks } from "../output/preflight.ts";

const HOUR_MS = 3_600_000;

interface PreflightOptions {
  readonly json: boolean;
  /** Hours. */
  readonly outage: number;
}

export function addPreflight(program: Command, context: CommandContext): void {
  program
    .command("preflight")
    .description("check that failover and failback would work: licences, versions, links, disks, clocks, quorum")
    .option("--outage <hours>", "an outage to survive without a full copy afterwards", wholeNumber(1, 10_000), 12)
    .addOption(jsonOption())
    .action((options: PreflightOptions) => preflight(context, options));
}

/** Changes nothing. */
async function preflight(
  { configFile, print, finish }: CommandContext,
  { json, outage }: PreflightOptions,
): Promise<void> {
  const loaded = await loadConfig(configFile());
  // Loaded on demand, as it brings the Elasticsearch client.
  const { checkSystem } = await import("../../app/survey-system.ts");
  const { checks } = await checkSystem(loaded, outage * HOUR_MS, () =>
    // A host without a running watchdog can be checked, too.
    askControlSocket(loaded.config.controlSocket, controlApi.situation, {}).catch(() => null),
  );
  print(json ? JSON.stringify(checks, null, 2) : formatChecks(checks));
  if (checks.some(({ verdict }) => verdict === "fail")) finish(exitCodes.findings);
}
