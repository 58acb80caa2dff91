import type { Mutation } from "./build.ts";
import { omitted } from "./omitted-rules.ts";

/** Rules that only several watchdogs need, or keep in another way than one does. */
export const mutations: readonly Mutation[] = [
  {
    ...omitted.closingFirst,
    breaks: ["closing-first", "2", "1"],
    faults: ["the cluster of gra is lost"],
  },
  {
    ...omitted.ackOrLease,
    breaks: ["1", "2"],
    faults: ["the cluster of gra is lost", "gra is cut off", "a watchdog is frozen"],
  },
  {
    ...omitted.ticketBelowLease,
    breaks: ["1", "2"],
    faults: ["gra is cut off", "a watchdog is frozen", "the cluster of gra is lost"],
  },
  {
    ...omitted.leaseFirst,
    breaks: ["1", "2"],
    faults: ["gra's watchdog comes back as gra is given up"],
  },
  {
    rule: "promise",
    defect: "a watchdog promotes although its word still lets a router go on",
    file: "core/rules/conditions/routers.ts",
    from: "if (seen.promisedForMs > 0) {",
    to: "if (seen.promisedForMs > 1_000_000) {",
    breaks: ["1", "2"],
    faults: ["gra is cut off as etcd returns"],
  },
  {
    rule: "restart-waits",
    defect: "a watchdog that has just started knows of no promise",
    file: "controller/watchdog.ts",
    from: "if (peers !== null) observed.extendFailsafeGrant(clock.monotonicMs() + config.leases.ttlMs);",
    to: "",
    breaks: ["1", "2"],
    faults: ["gra is cut off as etcd returns and the others restart"],
  },
  {
    rule: "failsafe-all",
    defect: "a router goes on although a watchdog does not answer",
    file: "core/failsafe.ts",
    from: "if (from === undefined || from.answer === null) return",
    to: "if (from === undefined || from.answer === null) continue;\n    if (from.watchdog.length > 1_000) return",
    breaks: ["1", "2"],
    faults: ["gra is cut off", "a site is cut off"],
  },
  {
    rule: "majority",
    defect: "one site's word is enough",
    file: "core/rules/conditions/majority.ts",
    from: "const needed = Math.floor(all.length / 2) + 1;\n  if (agreeing.length >= needed) return null;",
    to: "const needed = 1;\n  if (agreeing.length >= needed) return null;",
    breaks: ["health", "12"],
    faults: ["two sites are cut apart", "one way is cut"],
  },
  {
    rule: "a filled store settles",
    defect: "a region is promoted by a store that has forgotten the leases of routers that still route",
    file: "core/rules/conditions/routers.ts",
    from: "if (record.filledAtMs !== null) return",
    to: "if (record.filledAtMs !== null && record.epoch > 1_000) return",
    breaks: ["1", "2"],
    faults: ["etcd comes up empty as gra is cut off"],
  },
  {
    rule: "a refused password says nothing",
    defect: "a region that refuses the watchdogs' password counts as lost",
    file: "core/state/health.ts",
    from: "if (inconclusive !== null) {",
    to: "if (inconclusive !== null && probe.reachable) {",
    breaks: ["health", "12"],
    faults: ["the watchdogs' password is refused"],
  },
  {
    ...omitted.selfDoubt,
    breaks: ["11"],
    faults: ["the cluster of gra is lost", "a watchdog is frozen", "a clock is set"],
  },
  {
    ...omitted.resume,
    defect: "a promotion that another watchdog began is not carried on",
    breaks: ["7"],
    faults: ["the cluster of gra is lost", "a watchdog dies in the middle of a call"],
  },
];
