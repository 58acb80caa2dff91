import type { Mutant } from "./mutant.ts";

const LIFECYCLE = "index lifecycle management rolls over and unfollows";

/** Without these rules one index would hold up, end or falsify the protection of all (invariants 5, 7, 13 and 14). */
export const copyMutants: readonly Mutant[] = [
  {
    rule: "unfinished copies are left out",
    defect: "a promotion treats a follower in its first copy like any other",
    edit: {
      file: "core/plans/left-out.ts",
      from: "const unfinished = new Map(indices.filter(isUnfinished)",
      to: "const unfinished = new Map(indices.filter(({ name }) => name.length > 1_000)",
    },
    given: {
      file: "controller/steps/followers-changed.ts",
      from: "if (unfinished.length > 0) throw new UnfinishedCopies(unfinished);",
      to: "",
    },
    shows: {
      "one site": { breaks: ["7", "13"], faults: ["gra is lost in a first copy"] },
    },
  },
  {
    rule: "paused again",
    defect:
      "a follower that had just ended its first copy begins to follow after it was paused: its unfollow never ends",
    edit: {
      file: "controller/steps/unfollow.ts",
      from: "if (failures.length > 0 && (await pauseActive(context, step.indices)) > 0) failures = await convert();",
      to: "failures = failures.length === pauseActive.length * 1_000 ? await convert() : failures;",
    },
    // Without that, the bound of a change leaves the follower out.
    given: {
      file: "core/state/stuck.ts",
      from: "forMs > promotion.maxStuckMs;",
      to: "forMs > 1_000 * promotion.maxStuckMs;",
    },
    shows: {
      "one site": { breaks: ["13"], faults: ["the standby is rebuilt", "an operator asks for a failover"], seed: 189 },
    },
  },
  {
    rule: "aliases that come late",
    defect: "a promotion knows only the aliases that its followers have already",
    edit: {
      file: "core/plans/write-aliases.ts",
      from: "for (const { alias, index } of leader?.writeAliases ?? []) add(alias, index);",
      to: "",
    },
    given: {
      file: "core/plans/write-aliases.ts",
      from: "members: positions } of leader?.aliases ?? [])",
      to: "members: positions } of [])",
    },
    shows: {
      "one site": { breaks: ["alias"], faults: ["the standby is rebuilt", "an operator asks for a failover"] },
    },
  },
  {
    rule: "checkpoints are of what was followed",
    defect: "a checkpoint counts for a later index of the same name",
    edit: {
      file: "core/state/transitions.ts",
      from: "uuids: uuidsOf(record.leaderSight, recorded.leaders),",
      to: "uuids: record.leaderSight?.uuids ?? [],",
    },
    // No copy of a deleted leader is promoted, so that its checkpoint is none of an index that serves.
    given: {
      file: "core/plans/left-out.ts",
      from: "return replaced.length * 2 > followers.length ? [] : replaced;",
      to: "return replaced.length < 0 ? replaced : [];",
    },
    shows: {
      "one site": { breaks: ["5", "ledger", "loss"], faults: ["an index is created again", "gra is lost"], seed: 18 },
    },
  },
  {
    rule: "failed copies are made again",
    defect: "a first copy that failed is waited for",
    edit: {
      file: "core/plans/follower-change.ts",
      from: 'if (index.firstCopy?.state === "failed") {',
      to: 'if (index.firstCopy?.state === "failed" && name.length > 1_000) {',
    },
    shows: {
      "one site": { breaks: ["7"], faults: ["the line is cut in a first copy"] },
    },
  },
  {
    rule: "copies that a restart ended are made again",
    defect: "a follower whose first copy ended with a restart of the whole standby is only named",
    edit: {
      file: "core/plans/follower-change.ts",
      from: "index.following && index.noCopy && snapshot.standby.neverComplete.has(index.uuid);",
      to: "index.following && index.noCopy && name.length > 1_000;",
    },
    shows: {
      "one site": { breaks: ["7"], faults: ["first copies are slow", "a site loses its power"] },
    },
  },
  {
    rule: "copies that a restart ended are deleted",
    defect:
      "a promotion keeps a copy that it left out once a restart has ended it: an index of its own without a primary",
    edit: {
      file: "controller/steps/discard-copies.ts",
      from: "(index.following && index.noCopy && ended.has(index.uuid))",
      to: "(index.following && index.noCopy && index.name.length > 1_000)",
    },
    shows: {
      "one site": { breaks: ["7"], faults: ["gra is lost in a first copy", "a site loses its power"], seed: 24 },
    },
  },
  {
    rule: "a replaced leader is followed",
    defect: "a follower whose leader was deleted and created again is kept",
    edit: {
      file: "core/plans/follower-change.ts",
      from: "if (followsAnother(follower, leader.uuid)) {",
      to: "if (followsAnother(follower, leader.uuid) && name.length > 1_000) {",
    },
    shows: {
      "one site": { breaks: ["7", "14"], faults: ["an index is created again"], seed: 17 },
    },
  },
  {
    rule: "complete copies are left alone",
    defect: "the reconciler opens and resumes what index lifecycle management is unfollowing",
    edit: {
      file: "core/plans/follower-change.ts",
      from: 'if ((copy === "complete" || copy === "unknown") && !isCopyEnded) return nothing;',
      to: "",
    },
    shows: {
      "one site": { breaks: ["ilm", "7"], faults: [LIFECYCLE] },
    },
  },
  {
    rule: "complete copies are protected",
    defect: "a copy that was unfollowed as it was complete counts as not followed",
    edit: {
      file: "core/state/protection.ts",
      from: 'if (pairing.copy === "complete") return null;',
      to: "",
    },
    shows: {
      "one site": { breaks: ["7"], faults: [LIFECYCLE] },
    },
  },
  {
    rule: "complete copies are promoted",
    defect: "a promotion knows only followers",
    edit: {
      file: "core/plans/promotion.ts",
      from: "const indices = [...complete, ...unfollowedCopies(leader, standby), ...regained].toSorted();",
      to: "const indices = [...complete, ...regained].toSorted();",
    },
    shows: {
      "one site": { breaks: ["loss"], faults: [LIFECYCLE, "gra is lost"] },
    },
  },
  {
    rule: "deletions are seen twice",
    defect: "a follower is deleted as soon as its leader is seen to be gone",
    edit: {
      file: "core/state/deleted-leaders.ts",
      from: "nowMs - seenAtMs >= deleteAfterMs",
      to: "nowMs >= seenAtMs",
    },
    shows: {
      "one site": { breaks: ["5"], faults: ["an index is deleted"] },
    },
  },
  {
    rule: "searchable snapshots are no veto",
    defect: "a searchable snapshot counts as an index that is not followed",
    edit: {
      file: "core/state/followable.ts",
      from: 'if (searchableSnapshot) return "cannot be followed: it is a searchable snapshot";',
      to: "",
    },
    shows: {
      "one site": { breaks: ["7"], faults: ["snapshots are mounted"] },
    },
  },
  {
    rule: "searchable snapshots stay",
    defect: "a former primary has to salvage and delete its searchable snapshots",
    edit: {
      file: "core/state/followable.ts",
      from: "=> !following && !searchableSnapshot;",
      to: "=> !following;",
    },
    shows: {
      "one site": { breaks: ["5", "7"], faults: ["snapshots are mounted", "gra is lost"], seed: 48 },
    },
  },
  {
    rule: "blocks that came along are lifted",
    defect: "a follower keeps a block that its leader has no longer",
    edit: {
      file: "core/plans/follower-change.ts",
      from: "if (index.writeBlocked && !leader.writeBlocked) return change(",
      to: "if (index.writeBlocked && !leader.writeBlocked && name.length > 1_000) return change(",
    },
    shows: {
      "one site": {
        breaks: ["7", "14"],
        faults: ["users make an index read-only", "users block the writes to an index", "the standby is rebuilt"],
      },
    },
  },
];
