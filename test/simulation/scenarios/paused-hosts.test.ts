import { expect, test } from "vitest";
import { threeSites } from "../world/layout.ts";
import type { Station } from "../world/station.ts";
import type { System } from "../world/system.ts";
import { expectSound, pass, runUntil, serves, started, waitFor } from "./scenario.ts";

/** The witness becomes the controller: it has no router, whose ticket a pause would keep valid. */
async function handToWitness(system: System): Promise<Station> {
  const witness = system.station("witness");
  const others = system.stations.filter((station) => station !== witness);
  for (const station of others) system.kill(station);
  await waitFor(system, 30_000, () => system.etcd.leader === witness.config.name);
  for (const station of others) system.restartAfter(station, 0);
  return witness;
}

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
  const witness = await handToWitness(system);
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
