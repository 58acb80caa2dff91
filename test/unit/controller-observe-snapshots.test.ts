import { expect, test } from "vitest";
import type { WatchdogContext } from "../../watchdog/controller/context.ts";
import { observeSnapshots } from "../../watchdog/controller/loops/observe-snapshots.ts";
import { ObservedState } from "../../watchdog/controller/observed-state.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import { config, NOW_MS } from "./core-fixtures.ts";

test("what a region told of its snapshots is forgotten once it does not answer", async () => {
  const observed = new ObservedState(config);
  const state = { hasPolicy: true, lastSuccessAtMs: NOW_MS, failure: null };
  const observe = (snapshots: Cluster["snapshots"]) => {
    const [context, gra]: [Partial<WatchdogContext>, Partial<Cluster>] = [{ observed }, { region: "gra", snapshots }];
    return observeSnapshots(context as WatchdogContext, gra as Cluster);
  };
  await observe(async () => state);
  expect(observed.snapshots.get("gra")).toEqual(state);
  await expect(observe(() => Promise.reject(new Error("no answer")))).rejects.toThrow("no answer");
  expect(observed.snapshots.has("gra")).toBe(false);
});
