import { randomBytes } from "node:crypto";
import { createElasticsearchSampler } from "../../adapters/elasticsearch/samples.ts";
import { connectClusters, nodesOf } from "../../app/clusters.ts";
import type { RegionName } from "../../config/address.ts";
import { type LoadedConfig, loadConfig } from "../../config/load.ts";
import type { ComparedRegion } from "../../diagnostics/verify/ports.ts";
import { type IndexComparison, type VerifyReport, verifyRegions } from "../../diagnostics/verify/verify.ts";
import { count, table } from "../../util/text.ts";
import { activeRegion } from "../active-region.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";

export interface VerifyCommandOptions {
  readonly json: boolean;
  /** Documents looked at per shard. */
  readonly sample: number;
  /** Chooses the sample; null: another one each time. */
  readonly seed: string | null;
}

/** Compares the standby with the active region. Changes nothing. */
export async function verify(
  { configFile, print, finish }: CommandContext,
  { json, sample, seed }: VerifyCommandOptions,
): Promise<void> {
  const loaded = await loadConfig(configFile());
  const { active, other } = await activeRegion(loaded.config);
  const report = await compare(loaded, active, other, {
    sampleSize: sample,
    seed: seed ?? randomBytes(4).toString("hex"),
  });
  print(json ? JSON.stringify(report, null, 2) : formatReport(report));
  if (report.verdict === "different") finish(exitCodes.findings);
}

async function compare(
  loaded: LoadedConfig,
  active: RegionName,
  standby: RegionName,
  sample: { readonly sampleSize: number; readonly seed: string },
): Promise<VerifyReport> {
  const clusters = connectClusters(loaded);
  const samplers = [active, standby].map((region) => createElasticsearchSampler(nodesOf(loaded, region)));
  const [leader, follower] = [active, standby].map(
    (region, n) => ({ ...samplers[n], ...clusters[region] }) as ComparedRegion,
  );
  try {
    if (leader === undefined || follower === undefined) throw new Error("two regions are needed to compare");
    return await verifyRegions({ leader, follower, ...sample });
  } finally {
    await Promise.all([...Object.values(clusters), ...samplers].map((connection) => connection.close()));
  }
}

const verdicts = {
  equal: "nothing but agreement was found",
  behind: "what both have is alike; the standby is still behind",
  different: "THE REGIONS DIFFER",
} as const satisfies Record<VerifyReport["verdict"], string>;

const DIFFERENCES_SHOWN = 20;

function formatReport(report: VerifyReport): string {
  const { leader, follower, seed, indices, onlyOnLeader, onlyOnFollower, incomparable, verdict } = report;
  const differences = indices.flatMap(({ shards }) => shards.flatMap((shard) => shard.differences));
  const named = (sentence: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${sentence}: ${names.join(", ")}`];
  return [
    table([
      ["INDEX", leader.toUpperCase(), follower.toUpperCase(), "COUNTS", "LAG", "COMPARED", "DIFFERENT"],
      ...indices.map(rowOf),
    ]),
    ...named(`Only on ${leader}`, onlyOnLeader),
    ...named(`Only on ${follower}`, onlyOnFollower),
    ...named(
      "Not comparable",
      incomparable.map(({ index, reason }) => `${index} (${reason})`),
    ),
    ...named(
      "Different documents",
      differences.slice(0, DIFFERENCES_SHOWN).map(({ index, id, kind }) => `${index}/${id} (${kind})`),
    ),
    `${count(indices.length, "index", "indices")} compared, seed ${seed}: ${verdicts[verdict]}.`,
  ].join("\n\n");
}

function rowOf({ index, documents, counts, shards }: IndexComparison): string[] {
  const sum = (of: (shard: IndexComparison["shards"][number]) => number) =>
    String(shards.reduce((total, shard) => total + of(shard), 0));
  return [
    index,
    String(documents.leader),
    String(documents.follower),
    counts,
    sum(({ lag }) => lag),
    sum(({ documents: compared }) => compared),
    sum(({ differences }) => differences.length),
  ];
}
