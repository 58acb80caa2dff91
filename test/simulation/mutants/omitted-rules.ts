import type { OmittedRule } from "./build.ts";

/** Rules that one watchdog and several keep alike. */
export const omitted = {
  closingFirst: {
    rule: "closing-first",
    defect: "the record says closing, but under the epoch that every router has acknowledged already",
    file: "core/state/transitions.ts",
    from: 'phase: "closing",\n    epoch: record.epoch + 1,',
    to: 'phase: "closing",\n    epoch: record.epoch,',
  },
  ackOrLease: {
    rule: "ack-or-lease",
    defect: "promotion begins without waiting for any router",
    file: "core/rules/conditions/routers.ts",
    from: "acknowledgedEpoch < record.epoch",
    to: "acknowledgedEpoch < 0",
  },
  ticketBelowLease: {
    rule: "ticket-below-lease",
    defect: "a ticket outlives the lease it was issued under",
    file: "core/routing.ts",
    from: "Math.min(ticketValidityMs, leaseValidForMs - leaseMarginMs)",
    to: "leaseValidForMs * 3",
  },
  leaseFirst: {
    rule: "lease-first",
    defect: "a router reads the record, and takes its lease some time later",
    file: "controller/loops/router-lease.ts",
    from: `    const leaseAskedAtMs = clock.nowMs();
    const { validForMs } = await store.renewRouterLease(config.name);
    const stored = await store.read();
`,
    to: `    const stored = await store.read();
    const leaseAskedAtMs = clock.nowMs();
    const { validForMs } = await store.renewRouterLease(config.name);
`,
    given: {
      file: "controller/loops/route.ts",
      from: "highestEpochSeen: observed.highestEpoch(),",
      to: "highestEpochSeen: observed.highestEpoch() * 0,",
    },
  },
  selfDoubt: {
    rule: "self-doubt",
    defect: "a watchdog acts at once after it stood still or its clock was set",
    file: "controller/self-check.ts",
    from: "if (leftMs > 0)",
    to: "if (leftMs > 1_000_000)",
  },
  resume: {
    rule: "resume",
    defect: "a promotion that another run began is not carried on",
    file: "controller/loops/plan-progress.ts",
    from: "if (step === null || signal.aborted) return null;",
    to: 'if (step === null || signal.aborted || step.status === "running") return null;',
  },
} as const satisfies Readonly<Record<string, OmittedRule>>;
