/**
 * The whole system in a lab: three sites from `pulumi up`, and the failures that they survive. All tests use one lab, in
 * this order; each begins and ends with gra active and bhs in sync.
 */
import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { labObstacles } from "../../lab/hosts/preflight.ts";
import { labTraces } from "../lab-traces.ts";
import { changeTests } from "./changes.ts";
import { controllerTests } from "./controllers.ts";
import { cutTests, frozenRouterTests, isolationTests } from "./cuts.ts";
import { firstCopyTests } from "./first-copies.ts";
import { licenceTests } from "./licences.ts";
import { nodeTests } from "./nodes.ts";
import { pageTests } from "./page.ts";
import { patienceTests } from "./patience.ts";
import { provisioningTests } from "./provisioning.ts";
import { quotaTests } from "./quota.ts";
import { rebuildTests } from "./rebuild.ts";
import { recreatedTests } from "./recreated.ts";
import { rejoinTests } from "./rejoin.ts";
import { rotationTests } from "./rotation.ts";
import { securityIndexTests } from "./security-index.ts";
import { storeTests } from "./store.ts";
import { stuckTests } from "./stuck.ts";
import { BothEntries, noneMissing } from "./support/both-entries.ts";
import { isLong, type LabUnderTest, longMode, settings } from "./support/lab-under-test.ts";
import { labPlace, ownLab } from "./support/start-lab.ts";

const obstacles = await labObstacles(labPlace);
const title = (name: string): string => (obstacles.length === 0 ? name : `${name} (skipped: ${obstacles.join(" ")})`);

describe.skipIf(obstacles.length > 0)(title("three sites in a lab"), () => {
  const own = ownLab();
  let underTest: LabUnderTest;
  const lab = () => underTest;

  beforeAll(async () => {
    underTest = await own.start(settings);
  }, 600_000);

  afterAll(() => own.remove(), 60_000);

  beforeEach(() => {
    onTestFailed(async () => console.error(await underTest.system.watchdogs.describe()));
  });

  describe("as provisioned", () => provisioningTests(lab));

  describe("without a failover", () => nodeTests(lab));

  describe("with applications at the entries of both regions", () => {
    let clients: BothEntries;

    beforeAll(async () => {
      clients = await BothEntries.start(underTest.system, "app");
      await clients.served();
      await underTest.system.watchdogs.untilInSync();
    });
    afterAll(() => clients?.close());

    cutTests(lab, () => clients);
    storeTests(lab, () => clients);
    isolationTests(lab, () => clients);
    describe.skipIf(!isLong)(`long${isLong ? "" : ` (skipped: ${longMode}=long runs them)`}`, () => {
      frozenRouterTests(lab, () => clients);
      controllerTests(lab, () => clients);
      pageTests(lab, () => clients);
      patienceTests(lab, () => clients);
      firstCopyTests(lab, () => clients);
      rejoinTests(lab, () => clients);
      licenceTests(lab, () => clients);
      quotaTests(lab, () => clients);
      recreatedTests(lab, () => clients);
      securityIndexTests(lab, () => clients);
      stuckTests(lab, () => clients);
      rotationTests(lab, () => clients);
      changeTests(lab, () => clients);
    });

    test("every write that was acknowledged during these tests exists", { timeout: 120_000 }, async () => {
      await Promise.all([clients.gra.stop(), clients.bhs.stop()]);
      expect(await clients.missing()).toEqual(noneMissing);
    });
  });

  describe.skipIf(!isLong)(`lost for good${isLong ? "" : ` (skipped: ${longMode}=long runs them)`}`, () => {
    rebuildTests(lab);
  });

  test("the removal of the lab leaves nothing on the machine", { timeout: 120_000 }, async () => {
    const { system, scratch } = underTest;
    const traces = await labTraces(system.lab.directory);
    expect(traces.networks).toBeGreaterThan(7);
    expect(traces.processes).toBeGreaterThan(50);
    await system.destroy();
    expect(await traces.remaining()).toEqual([]);
    expect(await readdir(scratch, { recursive: true })).toEqual(["tmp"]);
  });
});
