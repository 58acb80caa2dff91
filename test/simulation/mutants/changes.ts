import type { Mutant } from "./mutant.ts";

/** Without these rules a change would not end, or would lose writes (invariants 5, 6, 7 and 9). */
export const changeMutants: readonly Mutant[] = [
  {
    rule: "resume",
    defect: "a promotion that another run or watchdog began is not continued",
    edit: {
      file: "controller/loops/plan-progress.ts",
      from: "if (step === null || signal.aborted) return null;",
      to: 'if (step === null || signal.aborted || step.status === "running") return null;',
    },
    shows: {
      "one site": { breaks: ["7", "13"], faults: ["gra is lost", "a watchdog dies in the middle of a call"] },
      "three sites": { breaks: ["7", "13"], faults: ["gra is lost", "a watchdog dies in the middle of a call"] },
    },
  },
  {
    rule: "verify before opening",
    defect: "the new region is opened although followers are left in it",
    edit: {
      file: "controller/steps/verify.ts",
      from: "if (late.length > 0) throw new LateFollowers(late);",
      to: "if (late.length > 0) return step;",
    },
    shows: {
      "one site": { breaks: ["6", "7"], faults: ["probes are lost"], seed: 46 },
    },
  },
  {
    rule: "close, then unfollow",
    defect: "followers are converted while they are open",
    edit: {
      file: "controller/steps/open-close.ts",
      from: "(index) => index.following && index.open)",
      to: "(index) => index.following && index.open && index.uuid.length > 1_000)",
    },
    shows: {
      "one site": { breaks: ["7", "13"], faults: ["gra is lost"] },
    },
  },
  {
    rule: "salvage-first",
    defect: "a former primary is emptied although nothing was salvaged",
    edit: {
      file: "controller/steps/rejoin.ts",
      from: "const report = await context.salvage.export(divergence, cluster, assertStillController);",
      to: 'const report = { place: "nowhere", operations: divergence.epoch, indices: assertStillController.length, leftOut: [] };',
    },
    given: {
      file: "controller/steps/rejoin.ts",
      from: "if (indices.length === 0) return [];",
      to: "if (indices.length >= 0) return (await cluster.indices()).filter(({ name }) => indices.includes(name));",
    },
    shows: {
      "one site": { breaks: ["5"], faults: ["gra is lost"] },
    },
  },
  {
    rule: "fence-first",
    defect: "a former primary is not fenced",
    edit: {
      file: "controller/steps/rejoin.ts",
      from: "isOwn(index) && index.open && !index.writeBlocked",
      to: "isOwn(index) && index.open && !index.writeBlocked && index.uuid.length > 1_000",
    },
    shows: {
      "one site": { breaks: ["7", "5"], faults: ["gra is lost"], seed: 129 },
    },
  },
  {
    rule: "equality-first",
    defect: "a switchover does not wait until the standby has everything",
    edit: {
      file: "controller/steps/switchover.ts",
      from: "if (behind.length === 0) {",
      to: "if (behind.length >= 0) {",
    },
    given: {
      file: "controller/steps/checkpoints.ts",
      from: ".filter(({ key, checkpoint }) => reached.get(key) !== checkpoint)",
      to: ".filter(({ key, checkpoint }) => key.length > 1_000 && reached.get(key) !== checkpoint)",
    },
    shows: {
      "one site": { breaks: ["9"], faults: ["an operator asks for a switchover", "replication is slow"] },
    },
  },
  {
    rule: "block-writes-first",
    defect: "a switchover compares the regions while the old one may still take writes",
    edit: {
      file: "controller/steps/switchover.ts",
      from: "const isWritable = ({ open, writeBlocked }: IndexState) => open && !writeBlocked;",
      to: "const isWritable = ({ open, uuid }: IndexState) => open && uuid.length > 1_000;",
    },
    given: {
      file: "controller/steps/switchover.ts",
      from: "if (!index.writeBlocked) return",
      to: "if (index.uuid.length > 1_000) return",
    },
    shows: {
      "one site": { breaks: ["9", "13"], faults: ["an operator asks for a switchover"], seed: 12 },
    },
  },
  {
    rule: "unexpected followers are repaired",
    defect: "a follower that appears after the promotion refuses writes for ever",
    edit: {
      file: "core/plans/repair.ts",
      from: "return { strays: active.strays.filter(isNew),",
      to: "return { strays: [],",
    },
    shows: {
      "one site": { breaks: ["7"], faults: ["an operator asks for a failover"], seed: 244 },
    },
  },
  {
    rule: "half-promoted rejoins",
    defect: "a region whose promotion was undone half-way is taken for one that follows",
    edit: {
      file: "core/plans/rejoin.ts",
      from: " || record.halfPromoted?.region === region",
      to: "",
    },
    shows: {
      "one site": {
        breaks: ["7"],
        faults: ["gra flaps", "bhs is lost after a while", "an operator asks for a switchover", "calls hang"],
        seed: 114,
      },
    },
  },
  {
    rule: "marked blocks are lifted",
    defect: "a region opens although indices of it have the watchdog's own write blocks",
    edit: {
      file: "controller/steps/write-blocks.ts",
      from: "index.open && index.writeBlocked && isMarked(record, cluster.region, index)",
      to: "index.open && index.writeBlocked && index.uuid.length > 1_000",
    },
    shows: {
      "one site": { breaks: ["7"], faults: ["replication is slow", "an operator asks for a switchover"] },
    },
  },
  {
    rule: "bounded closing",
    defect: "a change that does not get on keeps routers closed for as long as that lasts",
    edit: {
      file: "core/state/stuck.ts",
      from: "forMs > promotion.maxStuckMs;",
      to: "forMs > 1_000 * promotion.maxStuckMs;",
    },
    shows: {
      "one site": { breaks: ["7", "13"], faults: ["a snapshot runs in the standby", "gra is lost"] },
    },
  },
  {
    rule: "bounded closing, whatever the clock shows",
    defect: "a clock that is set back prolongs the bound of a change by as much",
    edit: {
      file: "core/state/stuck.ts",
      from: "Math.max(nowMs - record.startedAtMs, seen.changeKnownForMs ?? 0);",
      to: "nowMs - record.startedAtMs + 0 * (seen.changeKnownForMs ?? 0);",
    },
    shows: {
      "one site": {
        breaks: ["7", "13"],
        faults: ["a snapshot runs in the standby", "gra is lost", "a clock is set"],
        seed: 308,
      },
    },
  },
  {
    rule: "left out stays left out",
    defect: "an index that keeps a promotion from ending is taken for a late follower again and again",
    edit: {
      file: "controller/steps/followers-changed.ts",
      from: "if (stuck.has(index)) continue;",
      to: "",
    },
    shows: {
      "one site": { breaks: ["7", "13"], faults: ["a snapshot runs in the standby", "gra is lost"] },
    },
  },
  {
    rule: "kept until joined",
    defect: "a former primary deletes its own of an index that the active region does not serve yet",
    edit: {
      file: "controller/steps/rejoin.ts",
      from: "isOwn(index) && !kept.has(index.name);",
      to: "isOwn(index) && !kept.has(index.uuid);",
    },
    shows: {
      "one site": { breaks: ["5"], faults: ["a snapshot runs in the standby", "gra is lost"], seed: 46 },
    },
  },
  {
    rule: "no abort after opening",
    defect: "an abort goes back although the new region has taken writes",
    edit: {
      file: "core/requests.ts",
      from: 'if (record.phase === "serving") return refused(nothingToAbort(record));',
      to: `if (record.phase === "serving") {
        const active = record.lastFailover?.from ?? record.active;
        return changed(record, { active, epoch: record.epoch + 1 }, nothingToAbort(record));
      }`,
    },
    shows: {
      "one site": { breaks: ["1", "closing-first"], faults: ["an operator aborts changes", "gra is lost"] },
    },
  },
  {
    rule: "late followers are covered",
    defect: "a switchover has no checkpoint of a follower that auto-follow added after the plan was made",
    edit: {
      file: "controller/steps/checkpoints.ts",
      from: "if (late.length > 0) throw new LateFollowers(late);",
      to: "",
    },
    shows: {
      "one site": { breaks: ["7", "13"], faults: ["an operator asks for a switchover", "gra is lost"], seed: 83 },
      "three sites": { breaks: ["7", "13"], faults: ["an operator asks for a switchover", "gra is lost"], seed: 80 },
    },
  },
];
