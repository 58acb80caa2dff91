import type { Command } from "commander";
import { loadConfig } from "../../../config/load.ts";
import type { WatchdogConfig } from "../../../config/schema.ts";
import { discardIndices } from "../../../salvage/discards.ts";
import { salvageRoot } from "../../../salvage/salvage.ts";
import { Refused } from "../../../util/socket-api.ts";
import { storedActiveRegion } from "../../active-region.ts";
import type { CommandContext } from "../../context.ts";
import { exitCodes } from "../../exit-codes.ts";
import { confirm, loginName } from "../../operator.ts";
import { dryRunOption, yesOption } from "../../options.ts";
import { actAsOwnerOf } from "../../privileges.ts";

interface DiscardOptions {
  readonly reason: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

export function addDiscard(salvage: Command, context: CommandContext): void {
  salvage
    .command("discard")
    .description("give up the contents of these indices of the old primary, so that they may be deleted unsalvaged")
    .argument("<index...>", "names in full, no patterns")
    .requiredOption("--reason <text>", "recorded with the decision")
    .addOption(dryRunOption())
    .addOption(yesOption())
    .action((indices: string[], options: DiscardOptions) => discard(context, indices, options));
}

/** Records the decision; the watchdog deletes. */
async function discard(
  { configFile, print, complain, finish }: CommandContext,
  indices: readonly string[],
  { reason, dryRun, yes }: DiscardOptions,
): Promise<void> {
  const loaded = await loadConfig(configFile());
  const { other, epoch } = await oldPrimaryNow(loaded.config);
  // Read before the user changes.
  const operator = loginName();
  await actAsOwnerOf(loaded.config.stateDirectory);
  // Loaded on demand, as it brings the Elasticsearch client.
  const { connectClusters } = await import("../../../app/clusters.ts");
  const clusters = connectClusters(loaded);
  try {
    const oldPrimary = clusters[other];
    if (oldPrimary === undefined) throw new Error(`${other} is not a configured region`);
    print(
      `This gives up everything that only ${other} has in ${indices.join(", ")}. ` +
        "The indices may then be deleted without being salvaged.",
    );
    if (dryRun) return;
    if (!yes && !(await confirm("Give it up for good?"))) {
      complain("Not confirmed: nothing was discarded.");
      return finish(exitCodes.refused);
    }
    // The operator may have taken long to confirm.
    if ((await oldPrimaryNow(loaded.config)).epoch !== epoch) {
      throw new Refused([`the active region has changed since ${other} was read: nothing was discarded`]);
    }
    const root = salvageRoot(loaded.config.stateDirectory);
    const discards = await discardIndices({ root, oldPrimary, indices, operator, reason, nowMs: Date.now });
    print(
      `Recorded for ${discards.map(({ index }) => index).join(", ")}. It applies while the watchdog of this host is ` +
        "the controller; repeat the command on the host of another controller.",
    );
  } finally {
    await Promise.all(Object.values(clusters).map((cluster) => cluster.close()));
  }
}

/** The store is asked, not the watchdog: what is given up cannot be brought back. */
async function oldPrimaryNow(config: WatchdogConfig): Promise<{ readonly other: string; readonly epoch: number }> {
  const { other, record } = await storedActiveRegion(config);
  if (record.lastFailover?.from !== other) {
    throw new Refused([`${other} is not an old primary: it was not active before ${record.active}`]);
  }
  return { other, epoch: record.epoch };
}
