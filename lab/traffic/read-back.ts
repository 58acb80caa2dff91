import { z } from "zod";

/** Small enough for a small cluster. */
const BATCH_SIZE = 500;

const answerSchema = z.object({ docs: z.array(z.object({ _id: z.string(), found: z.boolean().optional() })) });

/**
 * Ids of documents that an index lacks. Reads by id need no refresh.
 * @param multiGet sends a body to the index's `_mget?_source=false` and resolves to the parsed answer
 */
export async function missingOf(
  ids: readonly string[],
  multiGet: (body: { readonly ids: readonly string[] }) => Promise<unknown>,
): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let start = 0; start < ids.length; start += BATCH_SIZE) {
    const { docs } = answerSchema.parse(await multiGet({ ids: ids.slice(start, start + BATCH_SIZE) }));
    missing.push(...docs.filter(({ found }) => found !== true).map(({ _id: id }) => id));
  }
  return missing;
}
