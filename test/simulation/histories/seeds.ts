import type { Judgement } from "../judge/judging.ts";

const PER_TEST = 500;

/**
 * Which histories are run, in blocks of seeds, and how one that broke an invariant is told.
 *
 * @param variable says how many histories: with 100000 it is the long mode; with 1, ES_FAILOVER_SEED=1026 shows one
 *   history again
 * @param usual how many there are where it says nothing
 */
export function historySeeds(variable: string, usual: number) {
  const histories = Number(process.env[variable] ?? usual);
  const first = Number(process.env["ES_FAILOVER_SEED"] ?? 1);
  const end = first + histories;
  const blocks: { readonly from: number; readonly to: number }[] = [];
  for (let from = first; from < end; from += PER_TEST) blocks.push({ from, to: Math.min(from + PER_TEST, end) - 1 });
  const tale = ({ seed, violation, log }: Judgement) =>
    `seed ${seed} broke invariant ${violation}\nagain: ES_FAILOVER_SEED=${seed} ${variable}=1\n${log.join("\n")}`;
  return { blocks, tale };
}
