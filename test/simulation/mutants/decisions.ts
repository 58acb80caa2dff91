import type { Mutant } from "./mutant.ts";

/** Without these rules a region would be given up, or promoted, on wrong grounds (invariants 4, 11 and 12). */
export const decisionMutants: readonly Mutant[] = [
  {
    rule: "epoch never goes back",
    defect: "a store that comes up empty is taken for a new system",
    edit: {
      file: "core/rules/record-recovery.ts",
      from: 'return seen.newestCopy.epoch > (record?.epoch ?? 0) ? null : "no copy is newer than the store";',
      to: 'return "copies do not count";',
    },
    shows: {
      "one site": { breaks: ["4", "1", "7", "ledger"], faults: ["gra is lost", "the store comes up empty"] },
    },
  },
  {
    rule: "self-check",
    defect: "a watchdog acts at once after it was frozen or its clock was set",
    edit: {
      file: "controller/self-check.ts",
      from: "if (leftMs > 0)",
      to: "if (leftMs > 1_000_000)",
    },
    shows: {
      "one site": { breaks: ["11"], faults: ["gra is lost", "a watchdog is frozen", "a clock is set"] },
      "three sites": { breaks: ["11"], faults: ["gra is lost", "a watchdog is frozen", "a clock is set"] },
    },
  },
  {
    rule: "hooks first",
    defect: "a failover does not wait for its hooks",
    edit: {
      file: "core/rules/failover.ts",
      from: "conditions: [...needed, noHookLeft],",
      to: "conditions: needed,",
    },
    shows: { "one site": { breaks: ["hooks"], faults: ["gra is lost", "hooks take long"] } },
  },
  {
    rule: "in-sync only",
    defect: "a standby is promoted whatever it lacks",
    edit: {
      file: "core/rules/conditions/standby.ts",
      from: 'if (record.standby !== "in-sync") return',
      to: 'if (record.epoch > 0) return null;\n  if (record.standby !== "in-sync") return',
    },
    shows: {
      "one site": {
        breaks: ["12"],
        faults: ["gra is lost", "gra is lost long after the clusters lost each other"],
      },
    },
  },
  {
    rule: "majority",
    defect: "the report of one site is enough",
    edit: {
      file: "core/rules/conditions/majority.ts",
      from: "const needed = Math.floor(all.length / 2) + 1;\n  if (agreeing.length >= needed) return null;",
      to: "const needed = 1;\n  if (agreeing.length >= needed) return null;",
    },
    shows: {
      "three sites": { breaks: ["health", "12"], faults: ["two sites are cut apart", "one direction is cut"] },
    },
  },
  {
    rule: "a store that takes writes again is used again",
    defect: "once etcd was full, nothing is decided any more",
    edit: {
      file: "controller/loops/elect.ts",
      from: "observed.noteStoreWrite(null);",
      to: "",
    },
    shows: {
      // The change that was under way when etcd was full does not end either, which keeps routers closed (13).
      "three sites": { breaks: ["7", "13"], faults: ["gra is lost", "etcd is full"] },
    },
  },
  {
    rule: "a canary's own fault is no loss",
    defect: "a region that refuses the canaries' user counts as lost",
    edit: {
      file: "core/state/canary.ts",
      from: "unhealthyCauses.some((counted) => counted === cause);",
      to: "cause !== null && unhealthyCauses.length > 0;",
    },
    shows: {
      "one site": { breaks: ["health"], faults: ["the canaries' user is refused"] },
      "three sites": { breaks: ["health"], faults: ["the canaries' user is refused"] },
    },
  },
  {
    rule: "old canaries keep no region closed",
    defect: "a region that takes writes again counts as lost for as long as its routers close",
    edit: {
      file: "core/state/canary.ts",
      from: "!isOverdue(closedForMs({ record, seen, nowMs }), config)",
      to: "nowMs >= record.startedAtMs || config.promotion.maxStuckMs < 0",
    },
    shows: {
      "one site": {
        breaks: ["13"],
        faults: ["gra takes writes again as it closes and bhs is lost", "HAProxy takes commands late"],
      },
      "three sites": {
        breaks: ["13"],
        faults: ["gra takes writes again as it closes and bhs is lost", "HAProxy takes commands late"],
      },
    },
  },
  {
    rule: "a refused password is no loss",
    defect: "a region that refuses the watchdogs' password counts as lost",
    edit: {
      file: "core/state/health.ts",
      from: "const inconclusive = probeInconclusive(probe);",
      to: "const inconclusive = probe.reachable ? probeInconclusive(probe) : null;",
    },
    shows: {
      "three sites": { breaks: ["health", "12"], faults: ["the watchdogs' password is refused"] },
    },
  },
];
