import { describe, expect, test } from "vitest";
import { previewChange } from "../../watchdog/core/preview.ts";
import { parseMoments, replayMoments } from "../../watchdog/core/recorded.ts";
import { assumptions, type SimulatedOutcome, simulateAssumption } from "../../watchdog/core/simulate.ts";
import {
  activeView,
  config,
  etcd,
  failsafe,
  NOW_MS,
  observations,
  seenHealth,
  serving,
  standbyView,
} from "./core-fixtures.ts";

const situation = { record: serving(), seen: observations(), nowMs: NOW_MS };

function assume(name: string, changes: Partial<typeof situation> = {}, settings = config): SimulatedOutcome {
  const assumption = assumptions(settings).get(name);
  if (assumption === undefined) throw new Error(`${name} is not an assumption`);
  return simulateAssumption({ ...situation, ...changes }, assumption, settings);
}

describe("an assumption about the live situation", () => {
  test("of a lost active region leads through closing to the plan of a promotion", () => {
    const { steps, plan, assumed } = assume("gra-down");
    expect(assumed.join(" ")).toContain("gra is lost as a whole");
    expect(steps.map(({ rule }) => rule)).toEqual(["failover", "begin-promotion"]);
    expect(steps.map(({ after }) => after)).toEqual(["closing gra to bhs (epoch 2)", "promoting gra to bhs (epoch 2)"]);
    expect(plan).toContain("unfollow 1 index");
    expect(steps[0]?.atMs).toBe(NOW_MS + 3 * config.checks.intervalMs + config.checks.timeoutMs);
  });

  test("waits for the leases of lost routers, and not for routers that can acknowledge", () => {
    const watchdogs = [
      { name: "gra-haproxy-1", site: "gra", router: "gra-haproxy-1", failsafeUrl: null },
      { name: "bhs-haproxy-1", site: "bhs", router: "bhs-haproxy-1", failsafeUrl: null },
    ];
    const record = serving({ watchdogs });
    const [first, second] = assume("gra-down", { record }).steps;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBe(config.leases.ttlMs);
    const [third, fourth] = assume("gra-elasticsearch-down", { record }).steps;
    expect((fourth?.atMs ?? 0) - (third?.atMs ?? 0)).toBe(config.router?.ticketRenewalMs);
  });

  test("shows why nothing would be done when the standby could not take over", () => {
    const record = serving({ standby: "following", inSyncAtMs: null });
    const { steps, plan } = assume("gra-down", { record });
    expect(steps).toMatchObject([{ rule: "refuse-not-in-sync", after: null }]);
    expect(steps[0]?.explanation).toContain("not in sync");
    expect(plan).toEqual([]);
  });

  test("of a lost standby leaves the active region as it is", () => {
    const { steps, plan } = assume("bhs-elasticsearch-down");
    expect(steps.at(-1)?.after ?? steps.at(-1)?.before).toContain("serving gra");
    expect(plan).toEqual([]);
  });

  test("of a lost store ends at the rule that decides nothing without a store", () => {
    expect(assume("store-down").steps).toMatchObject([{ rule: "store-unreachable", after: null }]);
  });

  test("of the region with the only watchdog of a file store shows that nothing is decided", () => {
    const outcome = assume("gra-down", {}, { ...config, site: "gra" });
    expect(outcome.steps).toEqual([]);
    expect(outcome.assumed.join(" ")).toContain("nothing is decided");
  });

  test("does not change the situation it starts from", () => {
    const before = JSON.stringify(situation);
    assume("gra-down");
    expect(JSON.stringify(situation)).toBe(before);
  });
});

describe("recorded situations", () => {
  const line = (changes: object) => JSON.stringify({ ...situation, ...changes });
  const lost = observations(seenHealth("unhealthy", "healthy"));

  test("replay to the rulings of their time, each from its own record", () => {
    const text = [line({}), line({ seen: lost, nowMs: NOW_MS + 1_000 }), ""].join("\n");
    const steps = replayMoments(parseMoments(text), config);
    expect(steps.map(({ rule }) => rule)).toEqual(["steady", "failover"]);
    expect(steps[1]?.explanation).toContain("bhs takes over");
  });

  test("without records continue from the record after the moment before", () => {
    const noRecord = { record: undefined, seen: { ...lost, routers: [] } };
    const moments = parseMoments([line({ seen: lost }), line({ ...noRecord, nowMs: NOW_MS + 500 })].join("\n"));
    const steps = replayMoments(moments, config);
    expect(steps.map(({ before }) => before)).toEqual(["serving gra (epoch 1)", "closing gra to bhs (epoch 2)"]);
    expect(steps[1]?.rule).toBe("begin-promotion");
  });

  test("that are damaged are refused with the line and the reason", () => {
    expect(() => parseMoments(`${line({})}\n{"nowMs":`)).toThrow(/^line 2 is not a recorded situation: /);
    expect(() => parseMoments(JSON.stringify({ nowMs: 1, seen: {} }))).toThrow(/line 1.*seen\.health/);
    expect(() => parseMoments(line({ record: { schemaVersion: 2 } }))).toThrow(/line 1.*state document/);
  });
});

describe("the preview of a change", () => {
  const origin = { by: "ada", atMs: NOW_MS };
  const command = { kind: "failover", to: "bhs", force: true, reason: null } as const;
  const preview = (changes: object = {}, given = {}) =>
    previewChange({ ...situation, ...changes }, { ...command, ...given }, origin, config);

  test("has its steps, its loss, and the indices to copy afterwards", () => {
    const found = preview({ seen: observations(seenHealth("unhealthy", "healthy")) });
    expect(found).toMatchObject({ verdict: "begins", from: "gra", to: "bhs", indicesToCopy: ["logs-1"] });
    expect(found.steps[0]).toMatch(/^close gra on every router/);
    expect(found.steps).toContain("unfollow 1 index");
    expect(found.steps.at(-1)).toBe("open bhs for writes");
    // The last snapshot has gra at 105, the follower is at 100.
    expect(found.loss).toMatchObject({ atLeast: 5 });
  });

  test("has its steps also where a majority of sites has to know the epoch first", () => {
    const sites = ["gra", "bhs", "witness"].map((site) => ({
      ...{ site, epoch: situation.record.epoch },
      regions: { gra: "unhealthy", bhs: "healthy" } as const,
    }));
    const seen = observations({ ...seenHealth("unhealthy", "healthy"), sites });
    const several = { ...config, store: etcd, failsafe };
    const found = previewChange({ ...situation, seen }, command, origin, several);
    expect(found).toMatchObject({ verdict: "begins", reasons: [expect.stringContaining("bhs takes over")] });
    expect(found.steps).toContain("unfollow 1 index");
  });

  test("shows the reasons for which the rules refuse it", () => {
    const seen = observations({ ...seenHealth("healthy", "unhealthy") });
    const found = preview({ seen });
    expect(found.verdict).toBe("refused");
    expect(found.reasons.join(" ")).toContain("bhs is not healthy");
    expect(preview({}, { to: "gra" })).toMatchObject({ verdict: "refused", steps: [] });
  });

  test("of a failover away from a healthy region needs force", () => {
    expect(preview({}, { force: false }).verdict).toBe("refused");
    expect(preview().verdict).toBe("begins");
  });

  test("shows that the standby is read-only", () => {
    const unlicensed = standbyView();
    const seen = observations({
      standby: { ...unlicensed, readiness: { ...unlicensed.readiness, readOnly: true } },
    });
    const found = preview({ seen });
    expect(found.verdict).toBe("refused");
    expect(found.reasons.join(" ")).toContain("read-only");
  });

  test("of a switchover shows that the region which is left has no API key to follow by", () => {
    const active = activeView();
    const remote = { configured: true, connected: false, keyed: false };
    const seen = observations({ active: { ...active, readiness: { ...active.readiness, remote } } });
    const given = { ...command, kind: "switchover", force: false } as const;
    const reasons = (security: "certificate" | "api_key") =>
      previewChange({ ...situation, seen }, given, origin, {
        ...config,
        remoteClusterSecurity: security,
      }).reasons.join();
    expect(reasons("api_key")).toContain(
      "gra is not connected to the remote cluster bhs and has no API key of it: it could",
    );
    expect(reasons("certificate")).toContain("gra is not connected to the remote cluster bhs: it could not follow it");
  });
});
