import type { Edit } from "../mutants/mutant.ts";
import { type Layout, oneSite, threeSites } from "../world/layout.ts";

/** A history that once broke an invariant. */
export interface Regression {
  readonly layout: Layout;
  readonly seed: number;
  /** Where the history has only these. */
  readonly faults?: readonly string[];
  readonly defect: string;
  /** Brings the defect back, so that the seed is known to show it still. */
  readonly edit: Edit;
  /** Removes a second guard first, where there is one. */
  readonly given?: Edit;
  /** Invariants, one of which breaks then. */
  readonly breaks: readonly string[];
}

export const regressions: readonly Regression[] = [
  {
    layout: oneSite,
    seed: 81,
    faults: ["gra is lost", "HAProxy takes commands late"],
    defect:
      "a ticket that HAProxy took late opened the old region again: a later one that succeeded hid that it had failed",
    edit: {
      file: "controller/loops/ticket.ts",
      from: "      await this.#router.issueTicket(ticket);\n",
      to: "      await this.#router.issueTicket(ticket);\n      this.#uncertainUntilMs = 0;\n",
    },
    breaks: ["1", "2"],
  },
  {
    layout: threeSites,
    seed: 47,
    faults: ["etcd is slow", "changes of etcd have unknown outcomes"],
    defect: "a router whose lease came late waited for the store beyond the end of its ticket before it asked failsafe",
    edit: {
      file: "controller/loops/entitlement.ts",
      from: "const patienceMs = Math.min(deadlineMs, latestMs);",
      to: "const patienceMs = deadlineMs + 0 * latestMs;",
    },
    breaks: ["10"],
  },
  {
    layout: oneSite,
    seed: 191,
    faults: ["an operator asks for a failover"],
    defect:
      "a follower that had just ended its first copy began to follow after it was paused: its unfollow never ended",
    edit: {
      file: "controller/steps/unfollow.ts",
      from: "if (failures.length > 0 && (await pauseActive(context, step.indices)) > 0) failures = await convert();",
      to: "failures = failures.length === pauseActive.length * 1_000 ? await convert() : failures;",
    },
    given: {
      file: "core/state/stuck.ts",
      from: "nowMs - record.startedAtMs > config.promotion.maxStuckMs;",
      to: "nowMs - record.startedAtMs > 1_000 * config.promotion.maxStuckMs;",
    },
    breaks: ["13"],
  },
];
