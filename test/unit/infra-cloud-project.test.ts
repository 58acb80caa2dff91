import { describe, expect, test } from "vitest";
import { type ProjectFacts, projectViolations } from "../../infra/cloud-project.ts";
import { testConfig } from "./infra-fixtures.ts";

const enabled = (name: string, availabilityZones: readonly string[] = []) => ({
  name,
  status: "ENABLED",
  availabilityZones,
});
const limit = (most: number, used: number | null) => ({ limit: most, used });

/** A project with room for exactly one region: three nodes of 4 cores and two HAProxy hosts of 2. */
const facts: ProjectFacts = {
  regions: [enabled("GRA11"), enabled("BHS5")],
  hasVrack: true,
  quota: { instances: limit(20, 15), cores: limit(40, 24), volumes: limit(10, 7) },
  instances: ["somebody-elses"],
  volumes: [],
  cores: { "b3-16": 4, "b3-8": 2, "d2-2": 1 },
};
const violations = (changes: Partial<ProjectFacts>, config = testConfig()) =>
  projectViolations(config, { ...facts, ...changes });

describe("before the first resource, OVHcloud's project is checked", () => {
  test("and accepted when a region just fits", () => {
    expect(violations({})).toEqual([]);
  });

  test.each<[string, Partial<ProjectFacts>, RegExp]>([
    [
      "a region that is not activated",
      { regions: [enabled("BHS5")] },
      /has no region GRA11: activate it .* or choose one of BHS5\.$/,
    ],
    [
      "a region in maintenance",
      { regions: [{ ...enabled("GRA11"), status: "MAINTENANCE" }] },
      /region GRA11 is MAINTENANCE/,
    ],
    ["no vRack", { hasVrack: false }, /^The OVHcloud project has no vRack: attach one/],
    [
      "instances",
      { quota: { instances: limit(19, 15), cores: limit(40, 24), volumes: limit(10, 7) } },
      /^OVHcloud's quota in GRA11 allows 19 instances, 15 are in use, and the stack needs 5 more: ask for/,
    ],
    ["cores", { cores: { ...facts.cores, "b3-16": 5 } }, /allows 40 cores, 24 are in use, and the stack needs 19 more/],
    [
      "volumes",
      { quota: { instances: limit(20, 15), cores: limit(40, 24), volumes: limit(9, 7) } },
      /allows 9 volumes, 7 are in use, and the stack needs 3 more/,
    ],
  ])("for %s, in one sentence", (_, changes, message) => {
    expect(violations(changes)).toEqual([expect.stringMatching(message)]);
  });

  test("for availability zones that the region lacks", () => {
    const regions = {
      gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", zones: ["a", "b", "c"], availabilityZones: true },
      bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
    };
    const config = testConfig({ regions: JSON.stringify(regions) });
    expect(violations({ regions: [enabled("GRA11", ["a", "b"])] }, config)).toEqual([
      expect.stringMatching(
        /region GRA11 has no availability zone c: name those of a, b in es-failover:regions\.gra\.zones/,
      ),
    ]);
  });

  test("what exists already needs no quota, and no limit or usage that is not told refuses anything", () => {
    const full = { instances: limit(5, 5), cores: limit(16, 16), volumes: limit(3, 3) };
    const nodes = ["gra-es-1", "gra-es-2", "gra-es-3"];
    const own = {
      instances: [...nodes, "gra-haproxy-1", "gra-haproxy-2"],
      volumes: nodes.map((name) => `${name}-data`),
    };
    expect(violations({ ...own, quota: full })).toEqual([]);
    const untold = { instances: limit(-1, 50), cores: limit(1, null), volumes: limit(-1, null) };
    expect(violations({ quota: untold })).toEqual([]);
    expect(violations({ quota: null })).toEqual([]);
  });
});
