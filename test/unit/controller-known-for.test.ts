import { expect, test } from "vitest";
import { ObservedState } from "../../watchdog/controller/observed-state.ts";
import { closing, config, promoting, serving } from "./core-fixtures.ts";

test("a watchdog counts by its own clock for how long it has known a change that keeps routers closed", () => {
  const observed = new ObservedState(config);
  observed.adoptRecord(serving(), 1_000);
  expect(observed.change.knownForMs(2_000)).toBeNull();
  const { epoch } = closing();
  observed.adoptRecord(closing(), 3_000);
  observed.adoptRecord(promoting({ epoch }), 5_000);
  expect(observed.change.knownForMs(9_000)).toBe(6_000);
  // A later change, of which this watchdog saw no end of the one before.
  observed.adoptRecord(closing({ epoch: epoch + 2 }), 10_000);
  expect(observed.change.knownForMs(10_500)).toBe(500);
  observed.adoptRecord(serving({ epoch: epoch + 3 }), 11_000);
  expect(observed.change.knownForMs(12_000)).toBeNull();
});
