import { expect, test } from "vitest";
import type { Layout } from "../world/layout.ts";
import { type History, runHistory } from "./history.ts";
import { tale } from "./tale.ts";

const SEEDS_PER_TEST = 500;
const TIMEOUT_MS = 3_600_000;

export interface HistoriesOptions {
  readonly layout: Layout;
  /** Names the environment variable with the number of histories: 100000 for a night. */
  readonly variable: string;
  /** How many there are without it. */
  readonly usual: number;
  /** What has to happen in more than a tenth of the histories: those in which nothing happens would prove nothing. */
  readonly often: readonly Happening[];
  /** What has to happen in more than 2 % of them. */
  readonly sometimes: readonly Happening[];
}

type Happening = "failovers" | "switchovers" | "rejoined" | "restarts" | "failsafeGrants";

/** Runs the histories from the seed ES_FAILOVER_SEED on, 1 without it, in tests of 500. */
export function testHistories({ layout, variable, usual, often, sometimes }: HistoriesOptions): void {
  const first = Number(process.env["ES_FAILOVER_SEED"] ?? 1);
  const end = first + Number(process.env[variable] ?? usual);
  for (let from = first; from < end; from += SEEDS_PER_TEST) {
    const to = Math.min(from + SEEDS_PER_TEST, end) - 1;
    test(`every invariant holds in the histories of seeds ${from} to ${to}`, { timeout: TIMEOUT_MS }, async () => {
      const sums = { acknowledged: 0, failovers: 0, switchovers: 0, rejoined: 0, restarts: 0, failsafeGrants: 0 };
      for (let seed = from; seed <= to; seed += 1) add(sums, await soundHistory(layout, seed));
      console.log(`${layout.name}, seeds ${from} to ${to}: ${JSON.stringify(sums)}`);
      if (to - from < 100) return;
      for (const what of often) expect(sums[what], what).toBeGreaterThan((to - from) / 10);
      for (const what of sometimes) expect(sums[what], what).toBeGreaterThan((to - from) / 50);
    });
  }

  test("the same seed gives the same history", async () => {
    const [once, again] = [await soundHistory(layout, 33), await soundHistory(layout, 33)];
    expect(again.log).toEqual(once.log);
  });
}

/** Runs a history; fails unless every invariant holds. */
export async function soundHistory(layout: Layout, seed: number, faults?: readonly string[]): Promise<History> {
  const history = await runHistory({ layout, seed, faults });
  expect(history.violation, tale(history)).toBeNull();
  return history;
}

type Sums = Record<Happening | "acknowledged", number>;

function add(sums: Sums, history: History): void {
  sums.acknowledged += history.acknowledged;
  sums.failovers += history.failovers;
  sums.switchovers += history.switchovers;
  sums.rejoined += history.rejoined ? 1 : 0;
  sums.restarts += history.restarts;
  sums.failsafeGrants += history.failsafeGrants;
}
