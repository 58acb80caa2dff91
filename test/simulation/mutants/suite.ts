import { expect, test } from "vitest";
import { runHistory } from "../histories/history.ts";
import type { Layout } from "../world/layout.ts";
import { mutants } from "./all.ts";
import { buildMutant } from "./build.ts";
import type { Edit, Symptom } from "./mutant.ts";

const HISTORIES_OF_GIVEN = 40;
const TIMEOUT_MS = 600_000;

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
    const violation = await firstViolation(layout, edits, symptom, historiesMax);
    expect(violation, `none of ${historiesMax} histories broke an invariant`).not.toBeNull();
    expect(symptom.breaks).toContain(violation?.split(":")[0]);
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
  { faults }: Symptom,
  histories: number,
): Promise<string | null> {
  const { create, remove } = await buildMutant(edits);
  try {
    for (let seed = 1; seed <= histories; seed += 1) {
      const { violation } = await runHistory({ layout, seed, create, faults });
      if (violation !== null) return violation;
    }
    return null;
  } finally {
    await remove();
  }
}
