import { expect, test } from "vitest";
import { runHistory } from "../histories/history.ts";
import type { Layout } from "../world/layout.ts";
import { mutants } from "./all.ts";
import { buildMutant } from "./build.ts";
import type { Edit, Symptom } from "./mutant.ts";

const HISTORIES_OF_GIVEN = 40;
const TIMEOUT_MS = 600_000;
/** So many histories are run in no time. */
const FIRST = 10;

/**
 * For each mutant that shows in a layout, a test that it is noticed within `historiesMax` histories; for each second
 * guard, a test that removing it alone breaks nothing.
 */
export function testMutants(layout: Layout, historiesMax: number): void {
  const showing = mutants.flatMap(({ shows, ...mutant }) => {
    const symptom = shows[layout.name];
    return symptom === undefined ? [] : [{ ...mutant, ...symptom }];
  });

  test.each(showing)("$rule: $defect", { timeout: TIMEOUT_MS }, async ({ edit, given, ...symptom }) => {
    const edits = given === undefined ? [edit] : [given, edit];
    const found = await firstViolation(layout, edits, symptom, historiesMax);
    expect(found, `none of ${historiesMax} histories broke an invariant`).not.toBeNull();
    if ((found?.seed ?? 0) > FIRST && found?.seed !== symptom.seed) {
      console.log(
        `${layout.name}: "seed: ${found?.seed}" would make this test shorter; it has ${symptom.seed ?? "none"}`,
      );
    }
    expect(symptom.breaks).toContain(found?.violation.split(":")[0]);
  });

  test.each(showing.flatMap(({ given, ...rest }) => (given === undefined ? [] : [{ ...rest, given }])))(
    "$rule protects by itself, without the second guard",
    { timeout: TIMEOUT_MS },
    async ({ given, ...symptom }) => {
      expect(await firstViolation(layout, [given], symptom, HISTORIES_OF_GIVEN)).toBeNull();
    },
  );
}

/** The first violation among the histories of a mutant; null when all invariants held. */
async function firstViolation(
  layout: Layout,
  edits: readonly Edit[],
  { faults, seed: known = 1 }: Symptom,
  histories: number,
): Promise<{ readonly seed: number; readonly violation: string } | null> {
  const { create, remove } = await buildMutant(edits);
  try {
    for (const seed of new Set([known, ...Array.from({ length: histories }, (_, index) => index + 1)])) {
      const { violation } = await runHistory({ layout, seed, create, faults });
      if (violation !== null) return { seed, violation };
    }
    return null;
  } finally {
    await remove();
  }
}
