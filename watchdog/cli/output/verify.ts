import type { IndexComparison, VerifyReport } from "../../diagnostics/verify/verify.ts";
import { count, table } from "../../util/text.ts";

const verdicts = {
  equal: "no differences found",
  behind: "no differences in what both have; the standby is behind",
  different: "THE REGIONS DIFFER",
} as const satisfies Record<VerifyReport["verdict"], string>;

/** More would push the rest off the screen; `--json` has them all. */
const DIFFERENCES_SHOWN = 20;

export function formatVerification(report: VerifyReport): string {
  const { leader, follower, seed, indices, onlyOnLeader, onlyOnFollower, incomparable, verdict } = report;
  const differences = indices.flatMap(({ shards }) => shards.flatMap((shard) => shard.differences));
  const list = (title: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${title}: ${names.join(", ")}`];
  return [
    table([
      ["INDEX", leader.toUpperCase(), follower.toUpperCase(), "COUNTS", "LAG", "COMPARED", "DIFFERENT"],
      ...indices.map(rowOf),
    ]),
    ...list(`Only on ${leader}`, onlyOnLeader),
    ...list(`Only on ${follower}`, onlyOnFollower),
    ...list(
      "Not comparable",
      incomparable.map(({ index, reason }) => `${index} (${reason})`),
    ),
    ...list(
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
