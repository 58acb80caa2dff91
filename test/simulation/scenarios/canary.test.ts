import { describe, expect, test } from "vitest";
import { isCalm } from "../judge/calm.ts";
import { layouts, threeSites } from "../world/layout.ts";
import { USUAL_OPERATIONS } from "../world/system.ts";
import {
  expectSound,
  expectWritable,
  pass,
  routesTo,
  runUntil,
  serves,
  started,
  statusOf,
  waitFor,
  whenWritten,
} from "./scenario.ts";

const problemsOf = (canaries: readonly (string | null | undefined)[]) => canaries.filter((canary) => canary != null);

describe("a region that refuses every write while its probe is good", () => {
  test("is replaced once the canaries at both entries have failed for long enough", async () => {
    const system = await started({ layout: threeSites });
    system.cluster("gra").ailments.refusesWrites = "timeout";
    await pass(system, 4_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    expect(problemsOf(statusOf(system)?.sightings.map(({ canary }) => canary) ?? [])).toHaveLength(2);
    await runUntil(system, 20_000, ({ phase }) => phase !== "serving");
    expect(system.record?.cause).toMatch(
      /gra is unhealthy: writes through the entry fail \(timeout, \d+ in a row since/,
    );
    await runUntil(system, 30_000, serves("bhs"));
    await expectWritable(system, "bhs");
    expectSound(system);
  });

  test.each(["overloaded", "cluster-block", "flood-stage"] as const)(
    "is not replaced by default when the cause is %s, which a failover would not cure",
    async (cause) => {
      const system = await started({ layout: threeSites });
      system.cluster("gra").ailments.refusesWrites = cause;
      await pass(system, 60_000);
      expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
      const [problem] = problemsOf(statusOf(system)?.sightings.map(({ canary }) => canary) ?? []);
      expect(problem).toMatch(new RegExp(`fail \\(${cause}, .*by canary.unhealthyCauses no reason to fail over`));
    },
  );

  test("is not replaced when one entry alone is refused", async () => {
    const system = await started({ layout: threeSites });
    system.network.cutAll([["bhs", "gra"]]);
    await pass(system, 60_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
  });

  test("serves on when the standby is not in sync", async () => {
    const system = await started();
    system.cluster("bhs").stopFollowersFatally();
    system.replicationRate = 0;
    await runUntil(system, 60_000, serves("gra", "following"));
    system.cluster("gra").ailments.refusesWrites = "timeout";
    await pass(system, 30_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    expect(statusOf(system)?.summary).toMatch(
      /gra is unhealthy: writes through the entry fail .*no failover: bhs is not in sync/,
    );
  });

  test("is replaced by a standby that catches up meanwhile, as replication is kept up", async () => {
    const system = await started();
    const { gra, bhs } = system.clusters;
    bhs.stopFollowersFatally();
    system.replicationRate = 0;
    await runUntil(system, 60_000, serves("gra", "following"));
    gra.ailments.refusesWrites = "timeout";
    await pass(system, 30_000);
    expect(statusOf(system)?.summary).toMatch(/no failover: bhs is not in sync/);
    bhs.stopFollowersFatally();
    system.replicationRate = USUAL_OPERATIONS;
    await runUntil(system, 60_000, serves("bhs"));
    await expectWritable(system, "bhs");
    expectSound(system);
  });

  test.each(layouts)("is opened again when the standby is lost while the routers close ($name)", async (layout) => {
    const system = await started({ layout });
    system.cluster("gra").ailments.refusesWrites = "unavailable";
    whenWritten(
      system,
      ({ phase }) => phase === "closing",
      () => {
        system.cluster("bhs").ailments.down = true;
        system.cluster("gra").ailments.refusesWrites = null;
      },
    );
    await runUntil(system, 30_000, ({ phase }) => phase === "closing");
    await runUntil(system, 60_000, serves("gra"));
    await waitFor(system, 5_000, () => routesTo(system, "gra") && isCalm(system, ["gra"]));
    await expectWritable(system, "gra");
  });
});

test("a canary's user that is refused moves no region, and is reported", async () => {
  const system = await started({ layout: threeSites });
  system.cluster("gra").ailments.refusesCanary = true;
  await pass(system, 60_000);
  expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
  const [problem] = problemsOf(statusOf(system)?.sightings.map(({ canary }) => canary) ?? []);
  expect(problem).toMatch(/\(forbidden, .*; this proves nothing about gra$/);
});
