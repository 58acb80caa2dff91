import { z } from "zod";
import { receiptSchema } from "../../watchdog/salvage/receipt.ts";
import type { TwoRegions } from "../system/two-regions.ts";
import { Operator } from "./operator.ts";

const totalsSchema = z.object({
  operations: z.number(),
  invisible: z.number(),
  settled: z.number(),
  finishedAt: z.string().nullable(),
});
export type ExportTotals = z.output<typeof totalsSchema>;

/** Answers of `es-failover salvage list | show`, as far as the demo uses them. */
const exportSchema = z.object({ name: z.string(), totals: totalsSchema });
export const exportDetailsSchema = exportSchema.extend({
  indices: z.array(
    z.object({
      state: z.object({ kind: z.string(), receipt: z.object({ limits: receiptSchema.shape.limits }).optional() }),
      check: z.object({ valid: z.boolean() }),
    }),
  ),
});

/** The export of what only gra held, and an operator on the host that has it. */
export interface ExportAtHand {
  readonly operator: Operator;
  readonly name: string;
}

/** The newest export: where the leader changed on the way, it is the one that allowed gra's indices to be deleted. */
export async function newestExport(system: TwoRegions): Promise<ExportAtHand> {
  const found: (ExportAtHand & { readonly finishedAt: string })[] = [];
  for (const host of await system.hosts.withWatchdog()) {
    const operator = new Operator(system, host);
    for (const { name, totals } of await operator.query(z.array(exportSchema), "salvage", "list")) {
      if (totals.finishedAt !== null) found.push({ operator, name, finishedAt: totals.finishedAt });
    }
  }
  const [newest] = found.toSorted((a, b) => b.finishedAt.localeCompare(a.finishedAt));
  if (newest === undefined) throw new Error("gra rejoined, but no watchdog has an export");
  return newest;
}
