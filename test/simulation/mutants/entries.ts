import type { Mutant } from "./mutant.ts";

/** Without these rules two regions could take writes at once, or none (invariants 1, 2 and 10). */
export const entryMutants: readonly Mutant[] = [
  {
    rule: "closing-first",
    defect: "the record says closing, but under the epoch that every router has acknowledged already",
    edit: {
      file: "core/state/transitions.ts",
      from: 'phase: "closing",\n    epoch: record.epoch + 1,',
      to: 'phase: "closing",\n    epoch: record.epoch,',
    },
    shows: {
      "one site": { breaks: ["closing-first", "2"], faults: ["gra is lost"] },
      "three sites": { breaks: ["closing-first", "2", "1"], faults: ["gra is lost"] },
    },
  },
  {
    rule: "ack-or-lease",
    defect: "promotion begins without waiting for any router",
    edit: {
      file: "core/rules/conditions/routers.ts",
      from: "acknowledgedEpoch < record.epoch",
      to: "acknowledgedEpoch < 0",
    },
    shows: {
      "one site": {
        breaks: ["1", "2"],
        faults: ["gra is lost", "the file store is slow", "HAProxy's socket does not answer"],
      },
      "three sites": {
        breaks: ["1", "2"],
        faults: ["gra is lost", "gra is cut off", "a watchdog is frozen"],
        seed: 196,
      },
    },
  },
  {
    rule: "ticket-below-lease",
    defect: "a ticket outlives the lease it was issued under",
    edit: {
      file: "core/routing.ts",
      from: "Math.min(ticketValidityMs, leaseValidForMs - leaseMarginMs)",
      to: "leaseValidForMs * 3",
    },
    shows: {
      "one site": { breaks: ["1", "2"], faults: ["gra is lost", "HAProxy's socket does not answer"], seed: 13 },
      "three sites": { breaks: ["1", "2"], faults: ["gra is cut off", "a watchdog is frozen", "gra is lost"] },
    },
  },
  {
    rule: "lease-first",
    defect: "a router reads the record, and takes its lease some time later",
    edit: {
      file: "controller/loops/router-lease.ts",
      from: `    const askedAtMs = clock.nowMs();
    const { validForMs } = await store.renewRouterLease(config.name);
    const stored = await store.read();
`,
      to: `    const stored = await store.read();
    const askedAtMs = clock.nowMs();
    const { validForMs } = await store.renewRouterLease(config.name);
`,
    },
    given: {
      file: "controller/loops/route.ts",
      from: "highestEpochSeen: observed.highestEpoch(),",
      to: "highestEpochSeen: observed.highestEpoch() * 0,",
    },
    shows: {
      "one site": {
        breaks: ["1"],
        faults: ["an operator asks for a failover", "a call to the file store takes long"],
        seed: 21,
      },
      "three sites": { breaks: ["1", "2"], faults: ["gra's watchdog comes back as gra is given up"], seed: 348 },
    },
  },
  {
    rule: "no acknowledgement over an unanswered ticket",
    defect: "a router acknowledges its closing although a ticket it sent may still arrive",
    edit: {
      file: "controller/loops/ticket.ts",
      from: "this.#uncertainUntilMs = Math.max(this.#uncertainUntilMs, ticket.validUntilMs);",
      to: "",
    },
    shows: {
      "one site": { breaks: ["1", "2"], faults: ["gra is lost", "HAProxy takes commands late"] },
    },
  },
  {
    rule: "a later ticket confirms no earlier one",
    defect:
      "a ticket that HAProxy takes late opens the old region again: a later one that succeeded hid that it had failed",
    edit: {
      file: "controller/loops/ticket.ts",
      from: "      await this.#router.issueTicket(ticket);\n",
      to: "      await this.#router.issueTicket(ticket);\n      this.#uncertainUntilMs = 0;\n",
    },
    shows: {
      "one site": { breaks: ["1", "2"], faults: ["gra is lost", "HAProxy takes commands late"], seed: 52 },
    },
  },
  {
    rule: "a restart forgets no unanswered ticket",
    defect: "a watchdog acknowledges a closing although a ticket that its last run sent may still arrive",
    edit: {
      file: "controller/loops/route.ts",
      from: "new TicketHolder(router, context.clock.nowMs() + settings.ticketValidityMs)",
      to: "new TicketHolder(router, 0)",
    },
    shows: {
      "one site": {
        breaks: ["1", "2"],
        faults: ["gra is lost", "HAProxy takes commands late", "a watchdog restarts at once"],
        seed: 109,
      },
    },
  },
  {
    rule: "serving opens",
    defect: "the new region is never opened by the router",
    edit: {
      file: "core/routing.ts",
      from: "record.epoch < situation.highestEpochSeen",
      to: "record.epoch <= situation.highestEpochSeen && record.epoch > 1",
    },
    shows: {
      "one site": { breaks: ["7"], faults: ["gra is lost"] },
    },
  },
  {
    rule: "promise",
    defect: "a watchdog promotes although its failsafe grant still lets a router continue",
    edit: {
      file: "core/rules/conditions/routers.ts",
      from: "if (seen.promisedForMs > 0) {",
      to: "if (seen.promisedForMs > 1_000_000) {",
    },
    shows: {
      "three sites": { breaks: ["1", "2"], faults: ["gra is cut off as etcd returns"] },
    },
  },
  {
    rule: "restart-waits",
    defect: "a watchdog that has just started takes no failsafe grant of its last run into account",
    edit: {
      file: "controller/observed-state.ts",
      from: "this.extendFailsafeGrant(nowMonotonicMs + this.#self.grantMs);",
      to: "",
    },
    // Before it acknowledges a closing, a router that has just started waits for as long.
    given: {
      file: "controller/loops/ticket.ts",
      from: "this.#uncertainUntilMs = validUntilMsMax;",
      to: "this.#uncertainUntilMs = validUntilMsMax * 0;",
    },
    shows: {
      "three sites": {
        breaks: ["1", "2"],
        faults: ["gra is cut off as etcd returns and the others restart"],
        seed: 74,
      },
    },
  },
  {
    rule: "failsafe-all",
    defect: "a router continues although a watchdog does not answer",
    edit: {
      file: "core/failsafe.ts",
      from: "if (from === undefined || from.answer === null) return",
      to: "if (from === undefined || from.answer === null) continue;\n    if (from.watchdog.length > 1_000) return",
    },
    shows: {
      "three sites": { breaks: ["1", "2"], faults: ["gra is cut off", "a site is cut off"] },
    },
  },
  {
    rule: "failsafe before the ticket ends",
    defect: "a router whose lease comes late waits for the store beyond the end of its ticket before it asks failsafe",
    edit: {
      file: "controller/loops/entitlement.ts",
      from: "const patienceMs = Math.min(deadlineMs, latestMs);",
      to: "const patienceMs = deadlineMs + 0 * latestMs;",
    },
    shows: {
      "three sites": { breaks: ["10"], faults: ["etcd is slow", "changes of etcd have unknown outcomes"] },
    },
  },
  {
    rule: "a filled store settles",
    defect: "a region is promoted by a store that has lost the leases of routers that still route",
    edit: {
      file: "core/rules/conditions/routers.ts",
      from: "if (record.filledAtMs !== null) return",
      to: "if (record.filledAtMs !== null && record.epoch > 1_000) return",
    },
    // The filled record lists the watchdogs again, which makes each wait as if it had just started.
    given: {
      file: "controller/observed-state.ts",
      from: "this.extendFailsafeGrant(nowMonotonicMs + this.#self.grantMs);",
      to: "",
    },
    shows: {
      "three sites": { breaks: ["1", "2"], faults: ["etcd comes up empty as gra is cut off"], seed: 29 },
    },
  },
];
