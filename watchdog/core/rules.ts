/** A rule of the table as `explain` shows it. */
export interface RuleExplanation {
  readonly rule: string;
  /** What the rule is for, in a sentence. */
  readonly purpose: string;
  readonly holds: boolean;
  /** True for the first rule that holds: the one that decides. */
  readonly decides: boolean;
  /** What stands in its way; empty when it holds. */
  readonly blockedBy: readonly string[];
}
