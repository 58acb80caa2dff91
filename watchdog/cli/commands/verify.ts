import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { loadConfig } from "../../config/load.ts";
import { activeRegion } from "../active-region.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonOption, wholeNumber } from "../options.ts";
import { formatVerification } from "../output/verify.ts";

interface VerifyOptions {
  readonly json: boolean;
  /** Documents compared per shard. */
  readonly sample: number;
  /** Selects the sample; default: random. */
  readonly seed?: string;
}

export function addVerify(program: Command, context: CommandContext): void {
  program
    .command("verify")
    .description("compare both regions: indices, document counts, checkpoints and a sample of documents")
    .option("--sample <n>", "documents to compare per shard", wholeNumber(1, 1_000), 100)
    .option("--seed <text>", "compare the same sample as the run that printed this seed")
    .addOption(jsonOption())
    .action((options: VerifyOptions) => verify(context, options));
}

/** Compares the standby with the active region. Changes nothing. */
async function verify(
  { configFile, print, finish }: CommandContext,
  { json, sample, seed = randomBytes(4).toString("hex") }: VerifyOptions,
): Promise<void> {
  const loaded = await loadConfig(configFile());
  const { active, other } = await activeRegion(loaded.config);
  // Loaded on demand, as it brings the Elasticsearch client.
  const { compareRegions } = await import("../../app/compare-regions.ts");
  const report = await compareRegions(loaded, { leader: active, follower: other, sampleSize: sample, seed });
  print(json ? JSON.stringify(report, null, 2) : formatVerification(report));
  if (report.verdict === "different") finish(exitCodes.findings);
}
