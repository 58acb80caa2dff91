import type { Edit } from "../mutants/mutant.ts";
import { type Layout, oneSite } from "../world/layout.ts";

/** A history that once broke an invariant. */
export interface Regression {
  readonly layout: Layout;
  readonly seed: number;
  readonly defect: string;
  /** Brings the defect back, so that the seed is known to show it still. */
  readonly edit: Edit;
  /** Invariants, one of which breaks then. */
  readonly breaks: readonly string[];
}

export const regressions: readonly Regression[] = [
  {
    layout: oneSite,
    seed: 1804,
    defect:
      "a ticket that HAProxy took late opened the old region again: a later one that succeeded hid that it had failed",
    edit: {
      file: "controller/loops/ticket.ts",
      from: "      await this.#router.issueTicket(ticket);\n",
      to: "      await this.#router.issueTicket(ticket);\n      this.#uncertainUntilMs = 0;\n",
    },
    breaks: ["1", "2"],
  },
];
