import { expect, test } from "vitest";
import { threeSites } from "../world/layout.ts";
import type { Station } from "../world/station.ts";
import { expectSound, handTo, pass, runUntil, serves, started, waitFor } from "./scenario.ts";

/** Pauses the virtual machine of a host; returns what resumes it. */
function pause({ process, host }: Station): () => void {
  if (process === null) throw new Error("the watchdog does not run");
  process.freeze();
  host.pause();
  return () => {
    host.resume();
    process.thaw();
  };
}

test("a controller whose virtual machine is paused while it clears a region deletes nothing there once it resumes", async () => {
  const system = await started({ layout: threeSites });
  const gra = system.cluster("gra");
  // Enough for several batches.
  for (let n = 0; n < 12; n += 1) gra.createIndex(`logs-more-${n}`, null);
  await waitFor(system, 60_000, () => system.cluster("bhs").indices.has("logs-more-11"));
  await runUntil(system, 60_000, serves("gra", "in-sync"));
  gra.ailments.down = true;
  await runUntil(system, 60_000, serves("bhs"));
  // It has no router, whose ticket a pause would keep valid.
  const witness = await handTo(system, "witness");
  gra.ailments.down = false;

  let resume = () => {};
  const stop = gra.changing.listen(({ what }) => {
    if (what !== "delete") return;
    stop();
    expect(system.etcd.leader).toBe(witness.config.name);
    resume = pause(witness);
  });
  await waitFor(system, 60_000, () => witness.process?.isFrozen === true);
  await runUntil(system, 120_000, serves("bhs", "in-sync"));
  // It has not changed: the paused watchdog still means the indices of these names.
  expect(system.request("switchover", "gra")).toBe(true);
  await runUntil(system, 60_000, serves("gra"));
  await pass(system, 5_000);

  const deleted: string[] = [];
  gra.changing.listen(({ what, indices }) => {
    if (what === "delete") deleted.push(...indices);
  });
  resume();
  await pass(system, 20_000);
  expect(deleted).toEqual([]);
  expectSound(system);
});
