import type { StepOf } from "../../core/state/plan.ts";
import { assertNoneStuck } from "./indices-stuck.ts";
import { each, presentOf, type StepContext } from "./step.ts";

/**
 * Followers carry their leader's aliases, but not which of them is the write index; a fresh one may have none yet. The old
 * region may have rolled over to an index that is not here: then the one before it, marked as complete, is written to again.
 * Their indices are open by then, so that others than those that fail can serve.
 */
export async function setWriteAliases(context: StepContext, step: StepOf<"write-aliases">) {
  // Writers wait: without one there is nothing to read.
  if (step.aliases.length === 0) return step;
  const { cluster } = context;
  const nameOf = ({ alias, index }: { readonly alias: string; readonly index: string }) => `${alias} on ${index}`;
  const unset = async () => {
    const indices = step.aliases.map(({ index }) => index);
    const present = new Map((await presentOf(cluster, indices)).map((index) => [index.name, index]));
    return step.aliases.filter(({ alias, index }) => {
      const state = present.get(index);
      const isSet = state?.aliases.some((membership) => membership.alias === alias && membership.isWriteIndex);
      return state !== undefined && (isSet !== true || state.indexingComplete);
    });
  };
  const failures = await each(context, await unset(), nameOf, async ({ alias, index }) => {
    const [state] = await presentOf(cluster, [index]);
    if (state?.indexingComplete) await cluster.resumeIndexing(index);
    await cluster.setWriteIndex(alias, index);
  });
  const reason = "its write index could not be set";
  const left = (await unset()).map(nameOf);
  assertNoneStuck(left, { of: left.length + 1, what: "aliases without their write index", reason, failures });
  return step;
}
