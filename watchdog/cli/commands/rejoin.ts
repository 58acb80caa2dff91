import { type Command, Option } from "commander";
import { askControlSocket } from "../../adapters/control-socket/client.ts";
import { parseConfigFile } from "../../config/load.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import { awaitsDecision, stakeOf } from "../../core/plans/rejoin.ts";
import { stepOf } from "../../core/state/plan.ts";
import { Refused } from "../../util/socket-api.ts";
import { submitRecordCommand } from "../change/record-command.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { confirm } from "../operator.ts";
import { dryRunOption, yesOption } from "../options.ts";

interface RejoinOptions {
  readonly policy: "delete" | "keep";
  readonly dryRun: boolean;
  readonly yes: boolean;
}

export function addRejoin(program: Command, context: CommandContext): void {
  program
    .command("rejoin")
    .description("decide what is deleted of a former primary that waits for it (rejoin.policy wait)")
    .addOption(
      new Option("--policy <policy>", "delete: all its indices; keep: only those that the active region has too")
        .choices(["delete", "keep"])
        .makeOptionMandatory(),
    )
    .addOption(dryRunOption())
    .addOption(yesOption())
    .action((options: RejoinOptions) => rejoin(context, options));
}

async function rejoin(context: CommandContext, { policy, dryRun, yes }: RejoinOptions): Promise<void> {
  const { configFile, print, complain, finish } = context;
  const { controlSocket } = await parseConfigFile(configFile());
  const { record } = await askControlSocket(controlSocket, controlApi.status, {});
  if (record?.phase !== "serving" || record.plan === null || !awaitsDecision(record.plan)) {
    throw new Refused(["no former primary waits for a decision"]);
  }
  const report = stepOf(record.plan, "salvage")?.report;
  if (report != null) print(`What only it has is salvaged: ${report.operations} operations in ${report.place}.`);
  const stake = stakeOf(record.plan, record.active);
  if (stake !== null) print(`If it is cleared, ${stake}.`);
  if (!dryRun && !yes && !(await confirm("Delete its indices?"))) {
    complain("Not confirmed: nothing was decided.");
    return finish(exitCodes.refused);
  }
  return submitRecordCommand(context, { kind: "rejoin", policy }, { dryRun });
}
