import { describe, expect, test } from "vitest";
import { buildMutant, type Edit, type Mutation } from "../mutations.ts";
import { runHistory } from "./history.ts";
import { mutations } from "./mutations.ts";

const HISTORIES_MAX = 600;
const HISTORIES_OF_GIVEN = 40;
const TIMEOUT_MS = 600_000;

/** The first violation among the histories of a mutant; null when none of them broke anything. */
async function firstViolation(edits: readonly Edit[], { faults }: Mutation, histories: number): Promise<string | null> {
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

describe("with several watchdogs the simulator finds each rule that is left out", () => {
  test.each(mutations)("$rule: $defect", { timeout: TIMEOUT_MS }, async (mutation) => {
    const edits = mutation.given === undefined ? [mutation] : [mutation.given, mutation];
    const violation = await firstViolation(edits, mutation, HISTORIES_MAX);
    expect(violation, `${HISTORIES_MAX} histories noticed nothing`).not.toBeNull();
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
});
