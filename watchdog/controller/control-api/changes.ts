import { z } from "zod";
import { type RuleId, rules } from "../../core/rules/table.ts";
import { leftOut, lossEstimate } from "../../core/state/record-fields.ts";

const ruleIds: ReadonlySet<unknown> = new Set(rules.map(({ id }) => id));
const ruleId = z.custom<RuleId>((value) => ruleIds.has(value), "no rule of this version");

/** A rule of the table: a `RuleExplanation`. */
export const ruleExplanationSchema = z.object({
  rule: ruleId,
  purpose: z.string(),
  holds: z.boolean(),
  decides: z.boolean(),
  blockedBy: z.array(z.string()),
});

/** The answer to a command that changed the state document. */
export const commandAnswerSchema = z.object({
  /** Of the state document as written. */
  epoch: z.number(),
  sequence: z.number(),
  explanation: z.string(),
});
export type CommandAnswer = Readonly<z.output<typeof commandAnswerSchema>>;

/** What an abort would do: an `AbortPreview`. */
export const abortPreviewSchema = z.object({
  verdict: z.enum(["begins", "waits", "refused"]),
  from: z.string(),
  to: z.string(),
  reasons: z.array(z.string()),
});

/** What a change would do: a `ChangePreview`. */
export const changePreviewSchema = z.object({
  kind: z.enum(["failover", "switchover"]),
  from: z.string(),
  to: z.string(),
  verdict: z.enum(["begins", "waits", "refused"]),
  rule: ruleId.nullable(),
  reasons: z.array(z.string()),
  steps: z.array(z.string()),
  loss: lossEstimate.nullable(),
  missing: z.array(leftOut),
  indicesToCopy: z.array(z.string()),
});
