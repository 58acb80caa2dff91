import { describe, expect, test } from "vitest";
import { ObservedState } from "../../watchdog/controller/observed-state.ts";
import { memberOf, silenceAfter } from "../../watchdog/core/state/members.ts";
import { config, failsafe, serving } from "./core-fixtures.ts";

const self = memberOf(config);
const other = { ...self, name: "gra-haproxy-2", site: "gra" };
const report = { watchdog: other.name, site: "gra", regions: {}, atMs: 0, epoch: 1, copy: null };

describe("the silence of a watchdog", () => {
  test("adds up while reports are read, and ends with its report", () => {
    const first = silenceAfter({}, ["a", "b"], ["a"], 5_000);
    expect(first).toEqual({ b: 0 });
    expect(silenceAfter(first, ["a", "b"], ["a"], 5_000)).toEqual({ b: 5_000 });
    expect(silenceAfter(first, ["a", "b"], ["a", "b"], 5_000)).toEqual({});
  });

  test("does not go on while the store gives no reports", () => {
    const observed = new ObservedState(config);
    observed.adoptRecord(serving({ watchdogs: [self, other] }), 0);
    observed.noteReports([], 1_000);
    observed.noteReports([], 3_000);
    expect(observed.silence).toEqual({ [other.name]: 2_000 });
    observed.noteReports(null, 5_000);
    observed.noteReports(null, 90_000_000);
    observed.noteReports([], 90_001_000);
    observed.noteReports([], 90_002_000);
    expect(observed.silence).toEqual({ [other.name]: 3_000 });
    observed.noteReports([report], 90_003_000);
    expect(observed.silence).toEqual({});
  });
});

describe("a failsafe grant that this watchdog does not know of", () => {
  const listed = serving({ watchdogs: [self, other] });

  test("may be one of its last run: after its start it promotes nothing until that has expired", () => {
    const observed = new ObservedState({ ...config, failsafe });
    observed.adoptRecord(listed, 100_000);
    expect(observed.failsafeGrantForMs(100_000)).toBe(config.leases.ttlMs);
  });

  test("may be one that it was not asked for: it promotes nothing for as long once the record lists it again", () => {
    const observed = new ObservedState({ ...config, failsafe });
    observed.adoptRecord(listed, 0);
    observed.adoptRecord(serving({ watchdogs: [other] }), 100_000);
    expect(observed.failsafeGrantForMs(100_000)).toBe(0);
    observed.adoptRecord(listed, 200_000);
    expect(observed.failsafeGrantForMs(200_000)).toBe(config.leases.ttlMs);
    observed.adoptRecord(listed, 201_000);
    expect(observed.failsafeGrantForMs(201_000)).toBe(config.leases.ttlMs - 1_000);
  });

  test("cannot exist without failsafe: it may promote at once", () => {
    const observed = new ObservedState({ ...config, failsafe: null });
    observed.adoptRecord(listed, 100_000);
    expect(observed.failsafeGrantForMs(100_000)).toBe(0);
  });
});
