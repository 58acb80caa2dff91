import { expect, test } from "vitest";
import type { HistoryOptions, Judgement } from "../judge/judging.ts";
import { buildMutant, type Edit, type Mutation } from "./build.ts";

const HISTORIES_OF_GIVEN = 40;
const TIMEOUT_MS = 600_000;

export interface MutationTests {
  readonly mutations: readonly Mutation[];
  readonly runHistory: (seed: number, options: HistoryOptions) => Promise<Judgement>;
  /** How many histories there are to notice a mutant in. */
  readonly historiesMax: number;
}

/** For each mutation a test that it is noticed, and one that a second guard taken away by itself breaks nothing. */
export function testMutations({ mutations, runHistory, historiesMax }: MutationTests): void {
  /** The first violation among the histories of a mutant; null when none of them broke anything. */
  async function firstViolation(
    edits: readonly Edit[],
    { faults }: Mutation,
    histories: number,
  ): Promise<string | null> {
    const { create, remove } = await buildMutant(edits);
    try {
      for (let seed = 1; seed <= histories; seed += 1) {
        const { violation } = await runHistory(seed, { create, faults });
        if (violation !== null) return violation;
      }
      return null;
    } finally {
      await remove();
    }
  }

  test.each(mutations)("$rule: $defect", { timeout: TIMEOUT_MS }, async (mutation) => {
    const edits = mutation.given === undefined ? [mutation] : [mutation.given, mutation];
    const violation = await firstViolation(edits, mutation, historiesMax);
    expect(violation, `${historiesMax} histories noticed nothing`).not.toBeNull();
    expect(mutation.breaks).toContain(violation?.split(":")[0]);
  });

  test.each(mutations.filter(({ given }) => given !== undefined))(
    "$rule protects by itself, without the second guard",
    { timeout: TIMEOUT_MS },
    async (mutation) => {
      const edits = mutation.given === undefined ? [] : [mutation.given];
      expect(await firstViolation(edits, mutation, HISTORIES_OF_GIVEN)).toBeNull();
    },
  );
}
