import { describe, expect, test } from "vitest";
import { buildMutant } from "../mutants/build.ts";
import { runHistory } from "./history.ts";
import { regressions } from "./regressions.ts";
import { soundHistory } from "./suite.ts";

describe.each(regressions)("$layout.name, seed $seed: $defect", ({ layout, seed, faults, edit, given, breaks }) => {
  test("stays fixed", async () => {
    await soundHistory(layout, seed, faults);
  });

  test("would be noticed if it came back", async () => {
    const { create, remove } = await buildMutant(given === undefined ? [edit] : [given, edit]);
    try {
      const { violation } = await runHistory({ layout, seed, create, faults });
      expect(breaks).toContain(violation?.split(":")[0]);
    } finally {
      await remove();
    }
  });
});
