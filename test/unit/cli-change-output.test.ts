import { expect, test } from "vitest";
import { formatChangePreview } from "../../watchdog/cli/output/change.ts";
import { formatStoredRecord } from "../../watchdog/cli/output/status.ts";
import { previewChange } from "../../watchdog/core/preview.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import { exceptionRows } from "../../watchdog/presentation/exceptions.ts";
import {
  config,
  copying,
  follower,
  index,
  NOW_MS,
  observations,
  promotedUpTo,
  seenHealth,
  serving,
  standbyView,
} from "./core-fixtures.ts";

const reason = "its first copy was at 37 %";

test("the preview of a failover names what would be missing, and why", () => {
  const standby = standbyView({
    indices: [index("logs-1", { following: true }), copying("logs-2")],
    followers: [follower("logs-1"), follower("logs-2", {}, { status: "paused", shards: [] })],
  });
  const seen = observations({ ...seenHealth("unhealthy", "healthy"), standby });
  const command = { kind: "failover", to: "bhs", force: true, reason: null } as const;
  const situation = { record: serving(), seen, nowMs: NOW_MS };
  const preview = previewChange(situation, command, { by: "ana", atMs: NOW_MS }, config);
  const text = formatChangePreview(preview, { copyBytes: 0, copyError: null });
  expect(text).toContain(`Missing in bhs afterwards\n  logs-2  ${reason}`);
  expect(text).toContain(`missing as a whole, with at least 0 operations: logs-2 (${reason})`);
});

test("the status and the end of a change name missing indices and blocks that stay", () => {
  const { record } = decide(promotedUpTo(null), observations(seenHealth("unhealthy", "healthy")), NOW_MS, config);
  if (record?.phase !== "serving" || record.lastFailover === null) throw new Error("the promotion is not done");
  const made = { ...record.lastFailover, leftOut: [{ index: "logs-2", reason }], keptBlocks: ["logs-archive"] };
  expect(exceptionRows(made)).toEqual([
    ["missing", `bhs lacks logs-2 (left out: ${reason})`],
    ["write-blocked", "by the users, before the change: logs-archive"],
  ]);
  const text = formatStoredRecord({ ...record, lastFailover: made }, NOW_MS);
  expect(text).toMatch(/missing +bhs lacks logs-2 \(left out: its first copy was at 37 %\)/);
  expect(text).toMatch(/write-blocked +by the users, before the change: logs-archive/);
});

test("the status tells what to do about an index to join of which no checkpoint was read", () => {
  const { record } = decide(promotedUpTo(null), observations(seenHealth("unhealthy", "healthy")), NOW_MS, config);
  if (record?.lastFailover == null) throw new Error("the promotion is not done");
  const checkpoints = [{ index: "logs-2", shard: 0, globalCheckpoint: 9, maxSeqNo: 9 }];
  const toJoin = { indices: ["logs-2", "logs-3"], attempts: 1, triedAtMs: NOW_MS };
  const rows = exceptionRows({ ...record.lastFailover, checkpoints, toJoin });
  expect(rows.filter(([name]) => name === "to join").map(([, text]) => text)).toEqual([
    "logs-2: complete, tried again from time to time",
    "logs-3: tried again from time to time; if it lacks a primary with all nodes of bhs back, delete it there; what gra has of it is salvaged as a whole",
  ]);
});
