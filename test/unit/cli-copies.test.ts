import { describe, expect, test } from "vitest";
import { protectionReport } from "../../watchdog/controller/protection-report.ts";
import type { FirstCopy } from "../../watchdog/core/state/cluster.ts";
import type { UnprotectedIndex } from "../../watchdog/core/state/unprotected.ts";
import { copyProgress, protectionRows } from "../../watchdog/presentation/copies.ts";
import { activeView, index, NOW_MS } from "./core-fixtures.ts";

const copy = (changes: Partial<FirstCopy> = {}): FirstCopy => ({
  state: "running",
  bytesDone: 25 * 1024 * 1024,
  bytesTotal: 100 * 1024 * 1024,
  startedAtMs: NOW_MS - 60_000,
  error: null,
  ...changes,
});
const unprotected = (name: string, changes: Partial<UnprotectedIndex> = {}): UnprotectedIndex => ({
  index: name,
  state: "copying",
  reason: `${name} is still being copied`,
  copy: copy(),
  sinceMs: NOW_MS - 90_000,
  established: true,
  required: true,
  ...changes,
});
const rowsOf = (...indices: readonly UnprotectedIndex[]) => {
  const names = ["logs-1", "logs-2", ...indices.map((each) => each.index)];
  const sync = { inSync: true, reasons: [], unprotected: indices, lagOperations: 0, readAgeMs: 0 };
  const report = protectionReport(sync, activeView({ indices: names.map((name) => index(name)) }));
  const others = { observedAtMs: 0, inSync: true, reasons: [], lagOperations: 0, lagMs: 0, readAgeMs: 0, followers: 0 };
  return protectionRows({ ...others, leaderIndices: 0, dataStreams: [], repairs: [], ...report }, NOW_MS);
};

describe("the progress of a first copy", () => {
  test.each<[string, Partial<FirstCopy>, string]>([
    ["has bytes, percent and the time left at the speed so far", {}, "25.0 MiB of 100 MiB (25 %), about 3 min left"],
    ["has no time left before the first byte", { bytesDone: 0 }, "0 B of 100 MiB (0 %)"],
    ["has no percent before the total is known", { bytesTotal: null }, "25.0 MiB so far"],
    ["is none before a primary has begun", { startedAtMs: null, bytesDone: 0 }, "waits for its turn"],
    ["of an empty leader has no percent", { bytesDone: 0, bytesTotal: 0 }, "0 B so far"],
  ])("%s", (_what, changes, text) => {
    expect(copyProgress(copy(changes), NOW_MS)).toBe(text);
  });
});

describe("status", () => {
  test("counts the protected indices, and tells of each other one why and for how long", () => {
    const failed = unprotected("logs-4", {
      state: "copy-failed",
      reason: "logs-4 could not be copied: no room",
      copy: copy({ state: "failed", error: "no room" }),
    });
    expect(rowsOf(failed, unprotected("logs-3", { established: false }))).toEqual([
      ["protected", "2 of 4 indices"],
      [
        "not protected",
        "logs-3 is still being copied: 25.0 MiB of 100 MiB (25 %), about 3 min left, for 2 min; new, so the others stay protected",
      ],
      ["not protected", "logs-4 could not be copied: no room, for 2 min"],
    ]);
    expect(rowsOf()).toEqual([["protected", "2 of 2 indices"]]);
  });

  test("tells which indices a failover may leave behind", () => {
    const [, row] = rowsOf(
      unprotected("logs-3", { state: "behind", reason: "logs-3 stopped", copy: null, required: false }),
    );
    expect(row).toEqual([
      "not protected",
      "logs-3 stopped, for 2 min; not required, so a failover may leave it behind",
    ]);
  });

  test("names a few of many, and counts the others", () => {
    const rows = rowsOf(...Array.from({ length: 300 }, (_, n) => unprotected(`new-${n}`)));
    expect(rows).toHaveLength(12);
    expect(rows.at(-1)).toEqual(["", "and 290 more"]);
  });

  test("names the settings that limit copies once one takes long", () => {
    const hints = (changes: Partial<FirstCopy>) =>
      rowsOf(unprotected("logs-3", { copy: copy(changes) })).filter(([name]) => name === "hint");
    expect(hints({})).toEqual([]);
    expect(hints({ bytesDone: 1024 * 1024 })).toEqual([["hint", expect.stringContaining("ccr.indices.recovery.*")]]);
    expect(hints({ startedAtMs: NOW_MS - 11 * 60_000, bytesTotal: null })).toHaveLength(1);
    expect(hints({ state: "failed", startedAtMs: NOW_MS - 11 * 60_000 })).toEqual([]);
  });
});
